import { formatTime } from "../dom/format.js";
import type { Job, Model } from "../service/types.js";

const storageKey = "job-names";

/**
 * The names of the scans that this tab sent. They stay in the browser, because names of files may hold names of patients.
 */
export class JobNames {
  readonly #names = new Map<string, string>(stored());

  remember(id: string, name: string): void {
    this.#names.set(id, name);
    try {
      sessionStorage.setItem(storageKey, JSON.stringify([...this.#names].slice(-200)));
    } catch {
      // A browser without storage forgets the names when the page is loaded again.
    }
  }

  titleOf(job: Job, models: readonly Model[]): string {
    const model = models.find(({ id }) => id === job.models[0])?.name ?? job.models[0] ?? "Job";
    const name = this.#names.get(job.id);
    return name === undefined ? `${model}, ${formatTime(job.created)}` : `${name}, ${model}`;
  }
}

function stored(): readonly (readonly [string, string])[] {
  try {
    return JSON.parse(sessionStorage.getItem(storageKey) ?? "[]") as [string, string][];
  } catch {
    return [];
  }
}
