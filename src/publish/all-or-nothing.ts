import { rename, rm } from "node:fs/promises";
import { outputError, partialPathBeside } from "../../processor/image-io/write-file.js";
import { putInPlace } from "../output-file.js";

/** What happens to a file that is there when a build has made another of its name. */
export type ExistingFile = "replace" | "keep";

/** Gives a file of a build the path where it is written until the whole build is done: beside its own. */
export type StageFile = (path: string) => string;

/**
 * Runs a build whose files appear together, at its end. When it fails (an archive is written, and then the registry
 * refuses the image), everything is as it was: what an earlier build left stays whole, and no part of a result is taken
 * for all of it.
 *
 * @throws OUTPUT_EXISTS when a file is there that is to be kept; what the build throws
 */
export async function allOrNothing<T>(
  existing: ExistingFile,
  build: (stage: StageFile) => Promise<T>,
): Promise<T> {
  const staged = new Map<string, string>();
  const stage: StageFile = (path) => {
    const place = partialPathBeside(path);
    staged.set(path, place);
    return place;
  };
  try {
    const result = await build(stage);
    await putAllInPlace(staged, existing);
    return result;
  } finally {
    for (const place of staged.values()) await rm(place, { force: true });
  }
}

/** Of files that are kept none appears when one of the names is taken. */
async function putAllInPlace(staged: ReadonlyMap<string, string>, existing: ExistingFile): Promise<void> {
  const placed: string[] = [];
  for (const [path, place] of staged) {
    try {
      if (existing === "replace") await rename(place, path);
      else await putInPlace(place, path);
    } catch (error) {
      if (existing === "keep") for (const own of placed) await rm(own, { force: true });
      throw outputError(path, error);
    }
    placed.push(path);
  }
}
