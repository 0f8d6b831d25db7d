import { open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { exists } from "../../../processor/files/exists.js";
import { readTextFile } from "../../../processor/files/read-text-file.js";
import type { NnunetVersion } from "../folders.js";

/** How far the training of a fold is, from the files that nnU-Net leaves. */
export type FoldState =
  /** Nothing to continue from. */
  | "new"
  /** There is a checkpoint, but not the final one. */
  | "interrupted"
  /** The final checkpoint exists, but the validation does not. */
  | "not-validated"
  | "finished";

const checkpointsOfV2 = ["checkpoint_final.pth", "checkpoint_latest.pth", "checkpoint_best.pth"] as const;

export const checkpointsOfV1 = [
  "model_final_checkpoint.model",
  "model_latest.model",
  "model_best.model",
] as const;

/** The record at the end of every zip file, which a torch file is. */
const endOfZip = Buffer.from("PK\u0005\u0006", "latin1");
const endBytes = 22;

/**
 * Moves checkpoints away that nnU-Net was writing when it was killed: it writes them in place, and cannot continue from a
 * part of one.
 *
 * @returns the new paths
 */
export async function putDamagedAside(
  foldFolder: string,
  checkpoints: readonly string[] = checkpointsOfV2,
): Promise<readonly string[]> {
  const moved: string[] = [];
  for (const name of checkpoints) {
    const path = join(foldFolder, name);
    if (!(await exists(path)) || (await isWhole(path))) continue;
    await rename(path, `${path}.damaged`);
    moved.push(`${path}.damaged`);
  }
  return moved;
}

/** What nnU-Net leaves of a training, besides logs and pictures: by it, a fold counts as trained. */
const resultsOfV2 = [...checkpointsOfV2, "validation/summary.json"];
const resultsOfV1 = [...checkpointsOfV1, "validation_raw/summary.json"];

/**
 * Returns a function that removes the results of an earlier training, for one that begins again: if it is stopped, its fold
 * would count as finished otherwise. A file that was written since this call stays.
 */
export async function olderResults(foldFolder: string, version: NnunetVersion): Promise<() => Promise<void>> {
  const timeOf = async (path: string): Promise<bigint | null> =>
    (await stat(path, { bigint: true }).catch(() => null))?.mtimeNs ?? null;
  const paths = (version === 1 ? resultsOfV1 : resultsOfV2).map((name) => join(foldFolder, name));
  const times = await Promise.all(paths.map(timeOf));
  return async () => {
    for (const [i, path] of paths.entries())
      if (times[i] !== null && (await timeOf(path)) === times[i]) await rm(path, { force: true });
  };
}

async function isWhole(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const end = Buffer.alloc(endBytes);
    if (size < endBytes) return false;
    await file.read(end, 0, endBytes, size - endBytes);
    return end.subarray(0, endOfZip.length).equals(endOfZip);
  } finally {
    await file.close();
  }
}

/** Returns how far a fold is. `checkpoint_best.pth` is enough to continue, and exists after the first epoch. */
export async function foldState(foldFolder: string): Promise<FoldState> {
  const has = (name: string): Promise<boolean> => exists(join(foldFolder, name));
  if (await has("checkpoint_final.pth"))
    return (await has("validation/summary.json")) ? "finished" : "not-validated";
  const canContinue = (await has("checkpoint_latest.pth")) || (await has("checkpoint_best.pth"));
  return canContinue ? "interrupted" : "new";
}

/** Does the same for a fold of v1. */
export async function foldStateOfV1(foldFolder: string): Promise<FoldState> {
  const has = (name: string): Promise<boolean> => exists(join(foldFolder, name));
  const [final, latest, best] = await Promise.all(checkpointsOfV1.map(has));
  if (final === true) return (await has("validation_raw/summary.json")) ? "finished" : "not-validated";
  return latest === true || best === true ? "interrupted" : "new";
}

/** nnU-Net's debug.json has a few 10 kB. */
const longestText = 1_000_000;

/** Returns nnU-Net's debug.json; an empty text if it does not exist. */
export const debugText = (foldFolder: string): Promise<string> =>
  readTextFile(join(foldFolder, "debug.json"), longestText).catch(() => "");

/** Returns the number of epochs that a running training has set itself, from its debug.json; null before it is there. */
export async function plannedEpochs(foldFolder: string): Promise<number | null> {
  const text = await debugText(foldFolder);
  const found = /"(?:max_)?num_epochs": "(\d{1,6})"/.exec(text);
  return found === null ? null : Number(found[1]);
}
