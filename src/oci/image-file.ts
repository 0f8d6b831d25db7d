import { resolve } from "node:path";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { exists, isFile } from "../../processor/files/exists.js";
import { didYouMean } from "../../processor/files/nearest-path.js";

/**
 * Returns the absolute path of a file, or the argument unchanged if it is an image's name or the file does
 * not exist.
 */
export async function absoluteImageFile(word: string, currentDirectory: string): Promise<string> {
  const path = resolve(currentDirectory, word);
  return (await isFile(path)) ? path : word;
}

/**
 * Returns whether an argument that may be an archive's path or an image's name is a path. A file has priority
 * over an image of the same name; `./liver` is always a path.
 *
 * @throws INPUT_NOT_FOUND for an argument that can only be a path (`./…`, `/…`, `….tar.gz`) but is not that
 * of a file
 */
export async function isImageFile(word: string): Promise<boolean> {
  if (await isFile(word)) return true;
  if (!/^\.{0,2}\/|\.(tar|tgz|tar\.gz|tar\.xz)$/.test(word)) return false;
  const isThere = await exists(word);
  throw sharedError(
    "INPUT_NOT_FOUND",
    isThere ? `${word} is not a file` : `${word} does not exist${await didYouMean(word)}`,
  );
}
