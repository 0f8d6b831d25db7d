import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { sharedError } from "../../contract/shared-errors.js";
import { exists } from "../../files/exists.js";
import { makeFolder } from "../../files/make-folder.js";
import { outputError } from "../../files/write-file.js";
import { type CaseRequest, placeOf } from "../cases/case.js";
import { runtimeError } from "../errors.js";
import { filesOf, requiredFilesOf } from "./output-kinds.js";

/** The action for a segmentation that already exists. */
export type Existing = "error" | "overwrite" | "continue";

/**
 * Finds every failure of the outputs that can be detected before the work starts, and makes the output folders.
 *
 * @throws INPUT_AMBIGUOUS if two cases would write the same file; OUTPUT_EXISTS; OUTPUT_UNWRITABLE, also for a name
 *   that is too long
 */
export async function checkOutputs(requests: readonly CaseRequest[], existing: Existing): Promise<void> {
  const owners = new Map<string, CaseRequest>();
  for (const request of requests) {
    for (const file of request.outputs.flatMap(filesOf)) {
      const other = owners.get(file);
      if (other !== undefined) {
        throw runtimeError(
          "INPUT_AMBIGUOUS",
          `${placeOf(other.inputs[0]!)} and ${placeOf(request.inputs[0]!)} would both become ${file}`,
        );
      }
      owners.set(file, request);
    }
  }
  for (const file of owners.keys()) await requirePossibleName(file);
  if (existing === "error") {
    for (const file of owners.keys()) {
      if (await exists(file)) throw sharedError("OUTPUT_EXISTS", `${file} exists already`);
    }
  }
  for (const folder of new Set([...owners.keys()].map((file) => dirname(file)))) {
    try {
      await makeFolder(folder);
      await access(folder, constants.W_OK);
    } catch (error) {
      throw outputError(folder, error);
    }
  }
}

/**
 * Refuses a name that is too long. A segmentation's ending, and therefore its name, can be longer than that of its
 * image.
 */
async function requirePossibleName(path: string): Promise<void> {
  await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENAMETOOLONG") throw outputError(path, error);
  });
}

/** Returns the files that a finished case has besides its segmentation. */
export async function furtherFilesOf({ outputs }: CaseRequest): Promise<readonly string[]> {
  const possible = outputs.flatMap(filesOf).filter((file) => file !== outputs[0].path);
  const present = await Promise.all(possible.map(exists));
  return possible.filter((_, i) => present[i]);
}

/** Returns whether all files of a case exist that a finished case must have. */
export async function isWritten({ outputs }: CaseRequest): Promise<boolean> {
  for (const file of outputs.flatMap(requiredFilesOf)) if (!(await exists(file))) return false;
  return true;
}
