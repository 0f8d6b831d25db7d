import { readdir } from "node:fs/promises";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { whyNotFound } from "../../../processor/files/why-unreadable.js";

/**
 * Returns the sorted names in a folder that have an ending, without those of folders.
 *
 * @throws INPUT_NOT_FOUND if the folder cannot be listed
 */
export async function namesIn(folder: string, ending: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(async (cause: unknown) => {
    throw sharedError("INPUT_NOT_FOUND", `${folder}${await whyNotFound(folder, cause)}`, { cause });
  });
  return entries
    .filter((entry) => !entry.isDirectory() && entry.name.endsWith(ending))
    .map(({ name }) => name)
    .sort();
}

/**
 * Does the same, but an empty answer is an error.
 *
 * @throws INPUT_NOT_FOUND
 */
export async function someNamesIn(folder: string, ending: string): Promise<readonly string[]> {
  const names = await namesIn(folder, ending);
  if (names.length > 0) return names;
  throw sharedError("INPUT_NOT_FOUND", `${folder} has no file that ends with ${ending}`);
}
