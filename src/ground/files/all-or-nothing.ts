import { rename, rm } from "node:fs/promises";
import { newPartialPath } from "../../../processor/files/partial-path.js";
import { outputError } from "../../../processor/files/write-file.js";
import { putInPlace } from "./output-file.js";

/** The treatment of an existing file when a build has made another with its name. */
export type ExistingFile = "replace" | "keep";

/**
 * Returns a temporary path next to a file's own path, where the file is written until the whole build is
 * done. The file with order `last` is renamed after the others: if it exists, they exist too.
 */
export type StageFile = (path: string, order?: "last") => string;

/**
 * Runs a build whose files appear together at its end. If it fails (for example because the registry refuses
 * the image after the archive was written), the files of an earlier build are unchanged, and no partial
 * result can be mistaken for a complete one.
 *
 * @throws OUTPUT_EXISTS if an existing file must be kept; the errors of the build
 */
export async function allOrNothing<T>(
  existing: ExistingFile,
  build: (stage: StageFile) => Promise<T>,
): Promise<T> {
  const staged = new Map<string, string>();
  const last = new Map<string, string>();
  const stage: StageFile = (path, order) => {
    const place = newPartialPath(path);
    (order === "last" ? last : staged).set(path, place);
    return place;
  };
  try {
    const result = await build(stage);
    await putAllInPlace(new Map([...staged, ...last]), existing);
    return result;
  } finally {
    for (const place of [...staged.values(), ...last.values()]) await rm(place, { force: true });
  }
}

/**
 * Renames all files. If existing files must be kept and one of the names is taken, none of the new files
 * appears.
 */
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
