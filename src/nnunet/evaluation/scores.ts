import type { VoxelCounts } from "./count-voxels.js";

/** What nnU-Net v2 computes for one label of one case. */
export interface Scores {
  /** NaN if neither image has the label. */
  readonly Dice: number;
  readonly IoU: number;
  readonly FP: number;
  readonly TP: number;
  readonly FN: number;
  readonly TN: number;
  readonly n_pred: number;
  readonly n_ref: number;
}

export const scoreNames = ["Dice", "IoU", "FP", "TP", "FN", "TN", "n_pred", "n_ref"] as const;

export function scoresOf(counts: VoxelCounts): Scores {
  const { truePositives: TP, falsePositives: FP, falseNegatives: FN, trueNegatives: TN } = counts;
  const found = TP + FP + FN;
  return {
    Dice: found === 0 ? Number.NaN : (2 * TP) / (2 * TP + FP + FN),
    IoU: found === 0 ? Number.NaN : TP / found,
    FP,
    TP,
    FN,
    TN,
    n_pred: FP + TP,
    n_ref: FN + TP,
  };
}
