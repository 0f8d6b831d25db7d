import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { didYouMean } from "../../processor/files/nearest-path.js";

/** The absolute path of a file, or the word as it is: an image's name, or a file that is not there. */
export async function absoluteImageFile(word: string, currentDirectory: string): Promise<string> {
  const path = resolve(currentDirectory, word);
  return (await isFile(path)) ? path : word;
}

/**
 * Whether a word that may be an archive's path or an image's name is a path. A file wins over an image of the same name:
 * `./liver` says which is meant.
 *
 * @throws INPUT_NOT_FOUND for what can only be a path (`./…`, `/…`, `….tar.gz`) and is not one of a file
 */
export async function isImageFile(word: string): Promise<boolean> {
  if (await isFile(word)) return true;
  if (!/^\.{0,2}\/|\.(tar|tgz|tar\.gz|tar\.xz)$/.test(word)) return false;
  const isThere = (await stat(word).catch(() => null)) !== null;
  throw sharedError(
    "INPUT_NOT_FOUND",
    isThere ? `${word} is not a file` : `${word} does not exist${await didYouMean(word)}`,
  );
}

export const isFile = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => null))?.isFile() === true;
