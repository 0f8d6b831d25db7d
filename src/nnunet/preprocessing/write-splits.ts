import { join } from "node:path";
import { exists } from "../../../processor/files/exists.js";
import { writePythonJson } from "../files/write-json.js";
import { requiredSplits } from "./splits.js";

/**
 * Writes the folds that nnU-Net's first training would write; an existing file is kept.
 *
 * @returns the file; null if it was there
 * @throws DATASET_INVALID for fewer than five cases
 */
export async function writeSplits(
  preprocessedFolder: string,
  caseIds: readonly string[],
): Promise<string | null> {
  const path = join(preprocessedFolder, "splits_final.json");
  if (await exists(path)) return null;
  const splits = requiredSplits(caseIds).map(({ train, val }) => ({ train, val }));
  await writePythonJson(path, splits, { sortKeys: false });
  return path;
}
