import type { StoredJob } from "./stored-job.js";

const kept = 20;

type Timed = Pick<StoredJob, "models" | "started" | "ended">;

interface Stored {
  readonly stored: Timed;
}

/** The durations of the last jobs with the same models, from which the duration of the next one is estimated. */
export class DurationMemo {
  readonly #seconds = new Map<string, number[]>();

  add({ models, started, ended }: Timed): void {
    if (started === null || ended === null) return;
    const key = models.join("\n");
    const known = this.#seconds.get(key) ?? [];
    known.push((Date.parse(ended) - Date.parse(started)) / 1000);
    if (known.length > kept) known.shift();
    this.#seconds.set(key, known);
  }

  /**
   * Returns how many seconds a job still needs, which is the mean of earlier jobs with the same models, less the time that it has
   * been running; null if no such job has ended yet.
   */
  secondsLeft({ models, started }: Timed, now: Date): number | null {
    const known = this.#seconds.get(models.join("\n"));
    if (known === undefined) return null;
    const mean = known.reduce((sum, seconds) => sum + seconds, 0) / known.length;
    const passed = started === null ? 0 : (now.getTime() - Date.parse(started)) / 1000;
    return Math.max(0, mean - passed);
  }

  /**
   * Returns how many seconds pass before a waiting job starts: the jobs that are running and those before it in the queue must end
   * first. Null if it is not known how long one of them takes.
   */
  secondsUntilStart(running: readonly Stored[], before: readonly Stored[], now: Date): number | null {
    let sum = 0;
    for (const { stored } of [...running, ...before]) {
      const left = this.secondsLeft(stored, now);
      if (left === null) return null;
      sum += left;
    }
    // As many jobs run at the same time as are running now.
    return sum / Math.max(1, running.length);
  }
}
