import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { byCodePoint } from "../datasets/list-cases.js";
import { RandomState } from "../random-state.js";

/** The cases of one fold, by id. */
export interface Split {
  readonly train: readonly string[];
  readonly val: readonly string[];
}

const foldCount = 5;
const seed = 12345;

/**
 * Returns the folds of a cross-validation as nnU-Net's splits_final.json has them.
 *
 * @returns null for fewer than five cases, for which nnU-Net fails
 */
export function crossValidationSplits(caseIds: readonly string[]): readonly Split[] | null {
  const ids = caseIds.toSorted(byCodePoint);
  if (ids.length < foldCount) return null;
  const order = new RandomState(seed).permutation(ids.length);
  let start = 0;
  return Array.from({ length: foldCount }, (_, fold) => {
    const size = Math.floor(ids.length / foldCount) + (fold < ids.length % foldCount ? 1 : 0);
    const held = new Set(order.subarray(start, start + size));
    start += size;
    return split(ids, (i) => held.has(i));
  });
}

/**
 * Does the same.
 *
 * @throws DATASET_INVALID for fewer than five cases
 */
export function requiredSplits(caseIds: readonly string[]): readonly Split[] {
  const splits = crossValidationSplits(caseIds);
  if (splits !== null) return splits;
  throw nnunetError(
    "DATASET_INVALID",
    `${caseIds.length} cases are too few for five folds, which need at least five`,
  );
}

/** Returns the cases of a fold beyond those of splits_final.json: a random 80 % for training. */
export function randomSplit(caseIds: readonly string[], fold: number): Split {
  const ids = caseIds.toSorted(byCodePoint);
  const order = new RandomState(seed + fold).permutation(ids.length);
  const chosen = [...order.subarray(0, Math.floor(ids.length * 0.8))];
  const isChosen = new Set(chosen);
  return { train: chosen.map((i) => ids[i]!), val: ids.filter((_, i) => !isChosen.has(i)) };
}

const split = (ids: readonly string[], isHeld: (index: number) => boolean): Split => ({
  train: ids.filter((_, i) => !isHeld(i)),
  val: ids.filter((_, i) => isHeld(i)),
});
