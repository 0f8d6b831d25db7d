import type { StoredJob } from "./stored-job.js";

const kept = 20;

type Timed = Pick<StoredJob, "models" | "started" | "ended">;

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

  /** Returns the seconds that a running job still needs; null if no such job has ended yet. */
  left({ models, started }: Timed, now: Date): number | null {
    const known = this.#seconds.get(models.join("\n"));
    if (known === undefined || started === null) return null;
    const mean = known.reduce((sum, seconds) => sum + seconds, 0) / known.length;
    return Math.max(0, mean - (now.getTime() - Date.parse(started)) / 1000);
  }
}
