import { rm } from "node:fs/promises";
import { outputError } from "./write-file.js";

/**
 * Removes a folder with everything in it, or does nothing if it does not exist.
 *
 * @throws OUTPUT_UNWRITABLE
 */
export async function removeFolder(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    throw outputError(path, error);
  }
}
