import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { ProcessorError } from "../../processor/errors.js";
import type { ArchivedFiles, ModelFolder, TrainedFold } from "./trained-model.js";

/**
 * The folds of a model folder that have the checkpoint, in the order of their numbers, `all` last.
 *
 * @throws FOLD_MISSING when none has it.
 */
export async function presentFolds(
  modelFolder: ModelFolder,
  checkpointName: string,
  archived: ArchivedFiles = new Map(),
): Promise<readonly [TrainedFold, ...TrainedFold[]]> {
  const folds: TrainedFold[] = [];
  for (const name of modelFolder.foldNames) {
    const checkpointFile = join(modelFolder.folder, name, checkpointName);
    const fold = name.replace(/^fold_/, "");
    const range = archived.get(checkpointFile);
    if (range !== undefined) folds.push({ fold, checkpointFile, range });
    else if (await exists(checkpointFile)) folds.push({ fold, checkpointFile });
  }
  const [lowest, ...others] = folds.toSorted((a, b) => foldNumber(a) - foldNumber(b));
  if (lowest === undefined) {
    const first = modelFolder.foldNames[0] ?? "";
    const files = (await readdir(join(modelFolder.folder, first))).sort().slice(0, 8);
    throw new ProcessorError(
      "FOLD_MISSING",
      `${modelFolder.folder}: no fold has ${checkpointName}; ${first} has ${files.join(", ") || "nothing"}`,
    );
  }
  return [lowest, ...others];
}

/**
 * The folds to use: those asked for or, when none is, as nnU-Net does, all numbered ones; `all` only where it is the only one.
 *
 * @throws FOLD_MISSING names those that there are.
 */
export function selectFolds(
  present: readonly TrainedFold[],
  wanted: readonly string[],
): readonly TrainedFold[] {
  if (wanted.length === 0) {
    const numbered = present.filter(({ fold }) => fold !== "all");
    return numbered.length > 0 ? numbered : present;
  }
  return [...new Set(wanted)].map((name) => {
    const match = present.find(({ fold }) => fold === name);
    if (match === undefined) {
      const has = present.map(({ fold }) => fold).join(", ");
      throw new ProcessorError("FOLD_MISSING", `there is no fold ${name}; trained are ${has}`);
    }
    return match;
  });
}

const foldNumber = ({ fold }: TrainedFold): number =>
  fold === "all" ? Number.POSITIVE_INFINITY : Number(fold);

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    return false;
  }
}
