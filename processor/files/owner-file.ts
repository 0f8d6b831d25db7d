import { randomUUID } from "node:crypto";
import { link, open, rename, rm, stat, utimes } from "node:fs/promises";
import { outputError } from "./write-file.js";

/**
 * Creates a file that says which process has something for itself alone, unless another process has created it.
 *
 * @returns false if the file exists
 * @throws OUTPUT_UNWRITABLE, DISK_FULL
 */
export async function createOwnerFile(path: string, content: string): Promise<boolean> {
  try {
    const file = await open(path, "wx");
    try {
      await file.writeFile(content);
      return true;
    } catch (error) {
      // A file without an owner would keep others waiting.
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw outputError(path, error);
  }
}

/** Gives a sign of life. A file that is gone needs none. */
export async function beat(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => {});
}

/** A sign of life: it changes with each heartbeat and each owner, and only its equality matters. */
export interface Beat {
  readonly text: string;
  readonly mtimeMs: number;
}

/** Returns the last sign of life of a file's owner; null if there is no file. */
export async function beatOf(path: string): Promise<Beat | null> {
  // Only opening a file asks another machine for the present time of its last change. Another account's may not be opened.
  const file = await open(path).catch(() => null);
  const found = await (file === null ? stat(path) : file.stat()).catch(() => null);
  await file?.close();
  return found === null ? null : { text: `${found.ino}:${found.mtimeMs}`, mtimeMs: found.mtimeMs };
}

/**
 * Takes a file away from its owner, which only one of several processes can do.
 *
 * @param token that of the owner that was found; null if it could not be read
 * @param tokenOf reads the owner's token from a file; null if it cannot be read
 */
export async function takeAway(
  path: string,
  token: string | null,
  tokenOf: (path: string) => Promise<string | null>,
): Promise<void> {
  if ((await tokenOf(path)) !== token) return;
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return; // Another process was faster.
  }
  // Another process took it over in between, and lives: it gets its file back.
  if ((await tokenOf(aside)) !== token) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}
