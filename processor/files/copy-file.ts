import { access, constants, copyFile, rename, rm } from "node:fs/promises";
import { sharedError } from "../contract/shared-errors.js";
import { partialPathNextTo } from "./partial-path.js";
import { whyUnreadable } from "./why-unreadable.js";
import { outputError } from "./write-file.js";

/**
 * Copies a file under a temporary name and renames it, so that the copy is either complete or absent, also after a process was
 * killed. An existing file is replaced, even if it may not be written.
 *
 * @throws INPUT_NOT_FOUND, DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function copyFileWhole(source: string, path: string): Promise<void> {
  await access(source, constants.R_OK).catch(async (cause: unknown) => {
    throw sharedError("INPUT_NOT_FOUND", `${source}${await whyUnreadable(source, cause)}`, { cause });
  });
  const partial = await partialPathNextTo(path);
  try {
    await copyFile(source, partial);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw outputError(path, error);
  }
}
