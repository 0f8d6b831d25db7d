import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isNonEmpty, mapNonEmpty, type NonEmpty } from "../../processor/contract/non-empty.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { exists } from "../../processor/files/exists.js";
import type { LeftOutFold, ModelFolder, TrainedFold } from "../checkpoint/network/trained-model.js";
import { type ArchiveTree, filesIn, foldersIn } from "../ground/archive/archive-tree.js";
import { foldPatterns } from "./find-model-folders.js";

export interface PresentFolds {
  /** Sorted by number, with `all` last. */
  readonly folds: NonEmpty<TrainedFold>;
  /** The folds without the checkpoint, because their training has not ended. */
  readonly leftOut: readonly LeftOutFold[];
}

/**
 * Finds the folds of a model folder that have the checkpoint.
 *
 * @param tree the archive that contains the folder; null for a folder of the user
 * @throws FOLD_MISSING if no fold has it
 */
export async function presentFolds(
  modelFolder: ModelFolder,
  checkpointName: string,
  tree: ArchiveTree | null,
): Promise<PresentFolds> {
  const folds: TrainedFold[] = [];
  const leftOut: LeftOutFold[] = [];
  for (const name of foldNames(modelFolder, tree)) {
    const folder = join(modelFolder.folder, name);
    const checkpointFile = join(folder, checkpointName);
    const fold = name.replace(/^fold_/, "");
    const range = tree?.inArchive.get(checkpointFile);
    if (range !== undefined) folds.push({ fold, checkpointFile, range });
    else if (await exists(checkpointFile)) folds.push({ fold, checkpointFile, range: null });
    else if (tree === null || !filesIn(tree, folder).includes(checkpointName)) {
      const has = await checkpointsIn(folder, tree);
      leftOut.push({ fold, reason: `fold ${fold} has no ${checkpointName}${has}` });
    }
  }
  const [lowest, ...others] = folds.toSorted((a, b) => foldNumber(a) - foldNumber(b));
  if (lowest === undefined) {
    const first = foldNames(modelFolder, tree)[0] ?? "";
    const files = (await namesIn(join(modelFolder.folder, first), tree)).toSorted().slice(0, 8);
    throw sharedError(
      "FOLD_MISSING",
      `${modelFolder.folder}: no fold has ${checkpointName}; ${first} has ${files.join(", ") || "nothing"}`,
    );
  }
  return { folds: [lowest, ...others], leftOut };
}

/** Returns the names of the fold folders; for an archive, also those whose checkpoints were not unpacked. */
function foldNames({ folder, foldNames: unpacked, nnunetVersion }: ModelFolder, tree: ArchiveTree | null) {
  if (tree === null) return unpacked;
  const inArchive = foldersIn(tree, folder).filter((name) => foldPatterns[nnunetVersion].test(name));
  return [...new Set([...unpacked, ...inArchive])].toSorted();
}

const namesIn = async (folder: string, tree: ArchiveTree | null): Promise<readonly string[]> =>
  tree === null ? readdir(folder) : filesIn(tree, folder);

/** Returns `, but checkpoint_best.pth`, or an empty text. */
async function checkpointsIn(folder: string, tree: ArchiveTree | null): Promise<string> {
  const names = (await namesIn(folder, tree)).filter((name) => /\.(?:pth|model)$/.test(name)).toSorted();
  return names.length === 0 ? "" : `, but ${names.slice(0, 8).join(", ")}`;
}

/**
 * Selects the requested folds, or by default all numbered ones, as nnU-Net does; `all` only if it is the only one.
 *
 * @throws FOLD_MISSING; it names the trained folds
 */
export function selectFolds(
  { folds: present, leftOut }: PresentFolds,
  wanted: readonly string[],
): PresentFolds {
  if (!isNonEmpty(wanted)) {
    const numbered = present.filter(({ fold }) => fold !== "all");
    if (!isNonEmpty(numbered) || numbered.length === present.length) return { folds: present, leftOut };
    const all = { fold: "all", reason: "fold all is used only if it is the only one" };
    return { folds: numbered, leftOut: [...leftOut, all] };
  }
  const [first, ...others] = wanted;
  const asked: NonEmpty<string> = [first, ...new Set(others.filter((name) => name !== first))];
  const folds = mapNonEmpty(asked, (name) => {
    const match = present.find(({ fold }) => fold === name);
    if (match !== undefined) return match;
    const unfinished = leftOut.find(({ fold }) => fold === name);
    const has = present.map(({ fold }) => fold).join(", ");
    throw sharedError(
      "FOLD_MISSING",
      unfinished === undefined
        ? `there is no fold ${name}; the trained folds are ${has}`
        : `${unfinished.reason}; the trained folds are ${has}`,
    );
  });
  // Folds that nobody asked for are not reported.
  return { folds, leftOut: [] };
}

const foldNumber = ({ fold }: TrainedFold): number =>
  fold === "all" ? Number.POSITIVE_INFINITY : Number(fold);
