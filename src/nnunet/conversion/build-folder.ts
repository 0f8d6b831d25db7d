import { copyFile, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { ifPresent, isFile } from "../../../processor/files/exists.js";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { partialPathNextTo } from "../../../processor/files/partial-path.js";
import { outputError } from "../../../processor/files/write-file.js";
import { requireAbsent } from "../../ground/files/output-file.js";

/**
 * Fills a new folder, which appears under its name only when it is complete.
 *
 * @throws OUTPUT_EXISTS if the folder exists
 */
export async function buildFolder(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  await requireAbsent(path, ": nothing is replaced");
  await fillWhole(path, fill);
}

/**
 * Does the same, but takes an existing folder that is empty.
 *
 * @throws OUTPUT_EXISTS if the folder has files
 */
export async function fillEmptyFolder(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const names = await ifPresent(readdir(path));
  if (names === null) await requireAbsent(path);
  else if (names.length > 0) throw sharedError("OUTPUT_EXISTS", `${path} is not empty`);
  await fillWhole(path, fill);
}

async function fillWhole(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const parent = join(path, "..");
  await makeFolder(parent);
  const partial = await partialPathNextTo(path);
  try {
    await makeFolder(partial);
    await fill(partial);
    await rename(partial, path);
  } catch (error) {
    throw outputError(path, error);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Copies a regular file; `name` is its name in the target folder. */
export async function copyInto(folder: string, source: string, name = basename(source)): Promise<void> {
  await copyFile(source, join(folder, name));
}

/** Returns the regular files of a folder, sorted; null if the folder does not exist. */
export async function filesOf(folder: string): Promise<readonly string[] | null> {
  const names = await ifPresent(readdir(folder));
  if (names === null) return null;
  const files: string[] = [];
  for (const name of names.toSorted()) if (await isFile(join(folder, name))) files.push(name);
  return files;
}

/** Returns the regular files of a folder and of those below it, with their paths from it, sorted; null if it does not exist. */
export async function filesBelow(folder: string): Promise<readonly string[] | null> {
  const names = await ifPresent(readdir(folder, { recursive: true }));
  if (names === null) return null;
  const files: string[] = [];
  for (const name of names.toSorted()) if (await isFile(join(folder, name))) files.push(name);
  return files;
}
