import type { StoredJob } from "./stored-job.js";

/** A function that is called with each job that has ended. */
export type EndListener = (job: StoredJob) => void;

/** Node's timers take at most this many milliseconds. */
const longestTimerMs = 2 ** 31 - 1;

/** Tells callers that wait for a job, and listeners, when jobs end. */
export class JobEnds {
  readonly #listeners = new Set<EndListener>();
  readonly #waiting = new Map<string, Set<EndListener>>();
  readonly #onTrouble: (error: unknown) => void;

  constructor(onTrouble: (error: unknown) => void) {
    this.#onTrouble = onTrouble;
  }

  listen(listener: EndListener): void {
    this.#listeners.add(listener);
  }

  /** Returns a job when it ends; null if the time or the signal ends the wait before. */
  next(id: string, limitMs: number, signal: AbortSignal): Promise<StoredJob | null> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, waiting);
      const end = (job: StoredJob | null): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
        waiting.delete(end);
        if (waiting.size === 0) this.#waiting.delete(id);
        resolve(job);
      };
      const stop = (): void => end(null);
      const timer = setTimeout(stop, Math.min(limitMs, longestTimerMs));
      signal.addEventListener("abort", stop, { once: true });
      waiting.add(end);
      if (signal.aborted) stop();
    });
  }

  announce(job: StoredJob): void {
    for (const end of this.#waiting.get(job.id) ?? []) end(job);
    for (const listener of this.#listeners) {
      try {
        listener(job);
      } catch (error) {
        // A listener that fails must not keep the job from the others.
        this.#onTrouble(error);
      }
    }
  }
}
