import { randomUUID } from "node:crypto";
import { open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseOrNull } from "../../../contract/parse-checked.js";
import { exists, ifPresent } from "../../../files/exists.js";
import { makeFolder } from "../../../files/make-folder.js";
import { newPartialPath } from "../../../files/partial-path.js";
import { readTextFile } from "../../../files/read-text-file.js";
import { outputError } from "../../../files/write-file.js";
import type { JobWork } from "../engine/job-work.js";
import { arrivingEnding } from "../uploads/upload-store.js";
import { type StoredJob, storedJobCheck } from "./stored-job.js";

const fileName = "job.json";
const maxJobBytes = 8 << 20;
/** No id of a job begins with this. */
const removedPrefix = ".removed-";

/**
 * The jobs on disk: `<folder>/<id>/job.json`, next to the job's `input` and `output`. A file is written under another name,
 * forced to the disk and renamed, so that a crash leaves the old or the new state.
 */
export class JobStore {
  readonly folder: string;
  /** The writes of each job, which must not overtake each other. */
  readonly #writing = new Map<string, Promise<void>>();

  constructor(folder: string) {
    this.folder = folder;
  }

  folderOf(id: string): string {
    return join(this.folder, id);
  }

  /**
   * Reads all jobs, the oldest first. A folder without a readable job is left alone; a job whose files had not arrived when
   * the server crashed is removed, because its client has no answer yet and still has the files, or the uploads.
   */
  async readAll(): Promise<readonly StoredJob[]> {
    await makeFolder(this.folder, 0o700);
    const found: StoredJob[] = [];
    for (const entry of await readdir(this.folder, { withFileTypes: true })) {
      if (entry.name.startsWith(removedPrefix)) {
        await rm(join(this.folder, entry.name), { recursive: true, force: true });
        continue;
      }
      if (!entry.isDirectory()) continue;
      if (await exists(join(this.folder, entry.name, `input${arrivingEnding}`))) {
        await this.remove(entry.name);
        continue;
      }
      const text = await readTextFile(join(this.folder, entry.name, fileName), maxJobBytes).catch(() => null);
      const stored = text === null ? null : parseOrNull(text, storedJobCheck);
      if (stored === null || stored.id !== entry.name) continue;
      const job = { ...stored, work: stored.work as JobWork };
      if (await this.#lacksInput(job)) await this.remove(entry.name);
      else found.push(job);
    }
    return found.sort((a, b) => (a.created < b.created ? -1 : 1));
  }

  /** Returns whether a job waits for files of its own that did not arrive before a crash. */
  async #lacksInput({ id, state, work }: StoredJob): Promise<boolean> {
    const input = join(this.folderOf(id), "input");
    return state === "waiting" && work.allowedRoots.includes(input) && !(await exists(input));
  }

  /** Writes a job. Later calls for the same job take effect later. */
  async write(job: StoredJob): Promise<void> {
    const before = this.#writing.get(job.id) ?? Promise.resolve();
    const now = before.catch(() => {}).then(() => writeDurably(join(this.folderOf(job.id), fileName), job));
    this.#writing.set(job.id, now);
    try {
      await now;
    } finally {
      if (this.#writing.get(job.id) === now) this.#writing.delete(job.id);
    }
  }

  /** Waits for the writes that have begun, whether they succeed or not. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#writing.values());
  }

  /** Removes a job with its inputs and results. Renames its folder first, so that a crash does not leave half a job in its place. */
  async remove(id: string): Promise<void> {
    await this.#writing.get(id)?.catch(() => {});
    const aside = join(this.folder, `${removedPrefix}${randomUUID()}`);
    await ifPresent(rename(this.folderOf(id), aside));
    await rm(aside, { recursive: true, force: true });
  }
}

async function writeDurably(path: string, value: unknown): Promise<void> {
  const partial = newPartialPath(path);
  try {
    await makeFolder(dirname(path), 0o700);
    const file = await open(partial, "wx", 0o600);
    try {
      await file.writeFile(JSON.stringify(value));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw outputError(path, error);
  }
}
