import type { Stats } from "node:fs";
import { type FileHandle, stat } from "node:fs/promises";
import { sharedError } from "../../contract/shared-errors.js";
import { openRegularFile } from "../../files/read-text-file.js";
import { whyNotFound } from "../../files/why-unreadable.js";

/**
 * Returns the file system's record of a file to read. Call it before opening the file, because a FIFO without a writer
 * blocks `open`, and a device may never end.
 *
 * @throws INPUT_NOT_FOUND if the path does not exist, cannot be read, or is not a regular file or a link to one
 */
export async function statInputFile(path: string): Promise<Stats> {
  const info = await stat(path).catch(async (cause: unknown) => {
    throw sharedError("INPUT_NOT_FOUND", `${path}${await whyNotFound(path, cause)}`, { cause });
  });
  if (info.isFile()) return info;
  throw sharedError("INPUT_NOT_FOUND", `${path} is ${kindOf(info)}, not a file`);
}

/**
 * Opens a file to read it.
 *
 * @throws INPUT_NOT_FOUND as `statInputFile` does, also for a file that has vanished or become something else since
 */
export async function openInputFile(path: string): Promise<FileHandle> {
  await statInputFile(path);
  return openRegularFile(path).catch(async (cause: unknown) => {
    throw sharedError("INPUT_NOT_FOUND", `${path}${await whyNotFound(path, cause)}`, { cause });
  });
}

function kindOf(info: Stats): string {
  if (info.isDirectory()) return "a folder";
  if (info.isFIFO()) return "a FIFO";
  return info.isSocket() ? "a socket" : "a device";
}
