import { randomUUID } from "node:crypto";
import type { JobStore } from "./job-store.js";
import type { JobTable } from "./job-table.js";
import type { Duty, DutyKind, StoredJob } from "./stored-job.js";

/** Returns a new duty. */
export const newDuty = (kind: DutyKind): Duty => ({ id: randomUUID(), kind });

/**
 * The work that follows the ends of jobs. It stays in the jobs' files until it is done, so that after a crash the next server
 * does it.
 */
export class Duties {
  readonly #table: JobTable;
  readonly #store: JobStore;

  constructor(table: JobTable, store: JobStore) {
    this.#table = table;
    this.#store = store;
  }

  /** Returns the jobs with open duties, the oldest first. */
  open(): readonly StoredJob[] {
    return this.#table.withDuties();
  }

  /** Notes that a duty is done, or given up. */
  async fulfil(job: string, duty: string): Promise<void> {
    const entry = this.#table.get(job);
    if (entry === null || entry.stored.duties.every(({ id }) => id !== duty)) return;
    entry.stored = { ...entry.stored, duties: entry.stored.duties.filter(({ id }) => id !== duty) };
    await this.#store.write(entry.stored);
  }
}
