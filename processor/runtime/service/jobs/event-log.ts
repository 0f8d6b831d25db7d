import type { JobProgress, JobResult, JobState } from "./job.js";

/** What the listeners of a job receive. */
export type JobEvent =
  | { readonly kind: "state"; readonly data: { readonly state: JobState; readonly position: number | null } }
  | { readonly kind: "progress"; readonly data: JobProgress }
  | { readonly kind: "log"; readonly data: { readonly line: string } }
  | { readonly kind: "result"; readonly data: JobResult }
  | { readonly kind: "end"; readonly data: { readonly state: JobState } };

export interface NumberedEvent {
  /** Counted from 1 for each job. */
  readonly number: number;
  readonly event: JobEvent;
}

export type JobListener = (event: NumberedEvent) => void;

/** The events that a listener can still have after it was disconnected. */
const kept = 1024;

/** The events of one job, with those who listen to them. */
export class EventLog {
  readonly #events: NumberedEvent[] = [];
  readonly #listeners = new Set<JobListener>();
  #last = 0;
  /** The number of the last event that is not kept. */
  #lost = 0;

  add(event: JobEvent): void {
    const numbered = { number: ++this.#last, event };
    // Only the last place that a job had in the queue counts.
    if (isSameState(this.#events.at(-1)?.event, event)) this.#events.pop();
    this.#events.push(numbered);
    if (this.#events.length > kept) this.#lost = this.#events.shift()!.number;
    for (const listener of this.#listeners) {
      try {
        listener(numbered);
      } catch {
        // A listener that fails must not keep the event from the others, nor stop the job.
        this.#listeners.delete(listener);
      }
    }
  }

  /** Returns the events after a number; null instead of the first if some of them are lost. */
  after(number: number): readonly (NumberedEvent | null)[] {
    // Such a number comes from an earlier server, or from a client that has seen the end and would otherwise wait for ever.
    const hasEnded = this.#events.at(-1)?.event.kind === "end";
    if (number > this.#last || (hasEnded && number === this.#last)) return [null, ...this.#events];
    const found = this.#events.filter((event) => event.number > number);
    return number >= this.#lost ? found : [null, ...found];
  }

  listen(listener: JobListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

const isSameState = (before: JobEvent | undefined, now: JobEvent): boolean =>
  before?.kind === "state" && now.kind === "state" && before.data.state === now.data.state;

/** Returns the events of a job that ended so long ago that its own are no longer kept. */
export function logOfEnded({
  state,
  result,
}: {
  readonly state: JobState;
  readonly result: JobResult | null;
}): EventLog {
  const log = new EventLog();
  log.add({ kind: "state", data: { state, position: null } });
  if (result !== null) log.add({ kind: "result", data: result });
  log.add({ kind: "end", data: { state } });
  return log;
}
