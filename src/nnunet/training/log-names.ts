import { readdir } from "node:fs/promises";

/**
 * Returns the names of the logs in the folder of a fold, the newest first: each start of nnU-Net begins another one. nnU-Net writes
 * the time of the start into the name, months and days without a leading zero; copies of a folder keep it, unlike the time of
 * the last change.
 *
 * @example ["training_log_2026_11_28_23_57_08.txt", "training_log_2026_11_8_01_02_54.txt"]
 */
export async function logNames(foldFolder: string): Promise<readonly string[]> {
  const names = await readdir(foldFolder).catch(() => []);
  return names.filter((name) => /^training_log_.*\.txt$/.test(name)).sort(byStart);
}

const numbersOf = (name: string): readonly number[] => (name.match(/\d+/g) ?? []).map(Number);

function byStart(one: string, other: string): number {
  const [first, second] = [numbersOf(one), numbersOf(other)];
  const at = first.findIndex((value, i) => value !== second[i]);
  return at < 0 ? 0 : (second[at] ?? -1) - first[at]!;
}
