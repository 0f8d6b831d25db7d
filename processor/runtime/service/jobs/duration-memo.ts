import type { StoredJob } from "./stored-job.js";

const kept = 20;

type Timed = Pick<StoredJob, "models" | "started" | "ended">;

interface Stored {
  readonly stored: Timed;
}

/** The times of the last jobs of each model, from which the time that a job still needs is estimated. */
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

  /** Returns the seconds that a job still needs, one that waits its whole time; null if no such job has ended yet. */
  left({ models, started }: Timed, now: Date): number | null {
    const known = this.#seconds.get(models.join("\n"));
    if (known === undefined) return null;
    const mean = known.reduce((sum, seconds) => sum + seconds, 0) / known.length;
    const passed = started === null ? 0 : (now.getTime() - Date.parse(started)) / 1000;
    return Math.max(0, mean - passed);
  }

  /** Returns the seconds until a job starts that waits for those that run and those before it; null if one of them is of a kind that has not ended yet. */
  untilStart(running: readonly Stored[], before: readonly Stored[], now: Date): number | null {
    let sum = 0;
    for (const { stored } of [...running, ...before]) {
      const left = this.left(stored, now);
      if (left === null) return null;
      sum += left;
    }
    // So many jobs run at one time.
    return sum / Math.max(1, running.length);
  }
}
