import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { sharedError } from "../contract/shared-errors.js";
import { outputError } from "./write-file.js";

/**
 * Makes a folder and its parents, one after the other.
 *
 * Use it instead of Node's recursive `mkdir`, which never ends on a file system that returns ENOENT below an existing
 * folder, as /proc does.
 *
 * @returns the first folder that was made; undefined if all folders existed
 * @throws OUTPUT_UNWRITABLE, DISK_FULL
 */
export async function makeFolder(path: string, mode?: number): Promise<string | undefined> {
  const missing: string[] = [];
  let folder = resolve(path);
  while (!(await isFolder(folder))) {
    missing.unshift(folder);
    folder = dirname(folder);
  }
  for (const next of missing) {
    try {
      await mkdir(next, { ...(mode === undefined ? {} : { mode }) });
    } catch (error) {
      if (isCode(error, "EEXIST") && (await isFolder(next))) continue; // another process made the folder first
      throw outputError(next, error);
    }
  }
  return missing[0];
}

/** Returns whether a path is a folder; false if it does not exist. */
async function isFolder(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (error) {
    if (isCode(error, "ENOENT") || isCode(error, "ENOTDIR")) return false;
    throw outputError(path, error);
  }
  throw sharedError("OUTPUT_UNWRITABLE", `${path} is a file, not a folder`);
}

const isCode = (error: unknown, code: string): boolean =>
  (error as NodeJS.ErrnoException | null)?.code === code;
