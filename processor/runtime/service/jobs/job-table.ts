import { counted } from "../../../contract/counted.js";
import { serviceError } from "../errors.js";
import { EventLog } from "./event-log.js";
import { isFinal, type JobProgress, type JobState } from "./job.js";
import type { QueueLimits } from "./jobs-options.js";
import type { IdempotencyKey, NewJob } from "./new-job.js";
import type { StoredJob } from "./stored-job.js";

/** A job in memory. */
export interface JobEntry {
  stored: StoredJob;
  progress: JobProgress | null;
  /** Null when the job ended so long ago that its events are no longer kept. */
  log: EventLog | null;
  lastProgressMs: number;
  /** Ends when the job's files are in their places; null if they are. */
  accepting: Promise<void> | null;
  /** Ends when the job is removed; null if nobody removes it. */
  removing: Promise<void> | null;
}

export const entryOf = (stored: StoredJob): JobEntry => ({
  stored,
  progress: null,
  log: isFinal(stored.state) ? null : new EventLog(),
  lastProgressMs: 0,
  accepting: null,
  removing: null,
});

export interface ListOptions {
  readonly state: JobState | null;
  readonly limit: number;
  /** The id of the job before the first one; null to begin with the newest. */
  readonly after: string | null;
}

export interface JobCounts {
  readonly waiting: number;
  readonly running: number;
  /** When the job that has waited longest was created; null if none waits. */
  readonly oldestWaiting: string | null;
}

/** The parts of a job that show whether it was sent before. */
export type SentJob = Pick<NewJob, "id" | "client" | "request" | "idempotency">;

/** Returns how many jobs wait before one; null if it does not wait. */
export function positionIn(waiting: readonly JobEntry[], entry: JobEntry): number | null {
  const place = waiting.indexOf(entry);
  return place === -1 ? null : place;
}

const idempotencyKeptMs = 24 * 3_600_000;

/** The jobs in memory, in the order in which they were created. */
export class JobTable {
  readonly #entries = new Map<string, JobEntry>();

  add(entry: JobEntry): void {
    this.#entries.set(entry.stored.id, entry);
  }

  delete(id: string): void {
    this.#entries.delete(id);
  }

  get(id: string): JobEntry | null {
    return this.#entries.get(id) ?? null;
  }

  /** @throws JOB_UNKNOWN */
  find(id: string): JobEntry {
    const found = this.#entries.get(id);
    if (found !== undefined) return found;
    throw serviceError("JOB_UNKNOWN", `there is no job ${JSON.stringify(id.slice(0, 80))}`);
  }

  /** The jobs that wait, in the order in which they run. */
  waiting(): readonly JobEntry[] {
    return this.#inState("waiting", "waiting_for_device");
  }

  counts(): JobCounts {
    const waiting = this.waiting();
    return {
      waiting: waiting.length,
      running: this.running().length,
      oldestWaiting: waiting[0]?.stored.created ?? null,
    };
  }

  /** @throws QUEUE_FULL */
  requireRoom(client: string, { maxWaiting, maxWaitingOfClient }: QueueLimits): void {
    const waiting = this.waiting();
    if (waiting.length >= maxWaiting)
      throw serviceError("QUEUE_FULL", `${counted(waiting.length, "job")} wait, which is the most`);
    const own = waiting.filter(({ stored }) => stored.client === client).length;
    if (own >= maxWaitingOfClient)
      throw serviceError(
        "QUEUE_FULL",
        `${counted(own, "job")} of ${client} wait, which is the most of one client`,
      );
  }

  running(): readonly JobEntry[] {
    return this.#inState("running", "canceling");
  }

  endedBefore(time: string): readonly JobEntry[] {
    return [...this.#entries.values()].filter(
      ({ stored }) => isFinal(stored.state) && (stored.ended ?? stored.created) < time,
    );
  }

  /**
   * Returns a page of jobs, the newest first, and the id after which the next page begins; null at the end.
   *
   * @throws JOB_UNKNOWN for a page that would begin after a job that is gone
   */
  page({ state, limit, after }: ListOptions): {
    readonly entries: readonly JobEntry[];
    readonly next: string | null;
  } {
    const all = [...this.#entries.values()].reverse();
    // The job before the page may have another state by now.
    const from = after === null ? 0 : all.indexOf(this.find(after)) + 1;
    const rest = all.slice(from).filter(({ stored }) => state === null || stored.state === state);
    const entries = rest.slice(0, limit);
    return { entries, next: limit < rest.length ? entries.at(-1)!.stored.id : null };
  }

  /**
   * Returns the job that a client has sent already; null if there is none.
   *
   * @throws JOB_EXISTS for the same id or key with another request
   */
  sameAs({ id, client, request, idempotency }: SentJob, now: Date): JobEntry | null {
    const found = this.get(id);
    if (found === null) return idempotency === null ? null : this.#byKey(client, idempotency, now);
    if (found.stored.client === client && JSON.stringify(found.stored.request) === JSON.stringify(request))
      return found;
    throw serviceError("JOB_EXISTS", `the job ${id} exists, with another request`);
  }

  /** Returns the jobs for which something must still be done, in the order in which they were created. */
  withDuties(): readonly StoredJob[] {
    return [...this.#entries.values()].map(({ stored }) => stored).filter(({ duties }) => duties.length > 0);
  }

  #byKey(client: string, { key, digest }: IdempotencyKey, now: Date): JobEntry | null {
    const since = new Date(now.getTime() - idempotencyKeptMs).toISOString();
    for (const entry of this.#entries.values()) {
      const { idempotency, created, client: owner } = entry.stored;
      if (owner !== client || idempotency?.key !== key || created < since) continue;
      if (idempotency.digest === digest) return entry;
      throw serviceError("JOB_EXISTS", "the Idempotency-Key was sent before, with another request");
    }
    return null;
  }

  #inState(...states: readonly JobState[]): readonly JobEntry[] {
    return [...this.#entries.values()].filter(({ stored }) => states.includes(stored.state));
  }
}
