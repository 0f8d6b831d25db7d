import type { Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { sharedError } from "../../contract/shared-errors.js";
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

function kindOf(info: Stats): string {
  if (info.isDirectory()) return "a folder";
  if (info.isFIFO()) return "a FIFO";
  return info.isSocket() ? "a socket" : "a device";
}
