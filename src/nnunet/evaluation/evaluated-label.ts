import type { Field } from "../../checkpoint/fields.js";
import { readLabels } from "../../checkpoint/nnunet-v2/label-definition.js";

/** One label that is scored, or one region: several labels that count as one. */
export interface EvaluatedLabel {
  /** The key in nnU-Net's files: `1`, or Python's text of a tuple: `(1, 2)`, `(3,)`. */
  readonly key: string;
  readonly labels: readonly number[];
}

export interface EvaluatedLabels {
  readonly labels: readonly EvaluatedLabel[];
  /** Voxels with this label in the reference do not count; null if every voxel counts. */
  readonly ignoreLabel: number | null;
}

/**
 * Returns what nnU-Net scores for a data set: the regions of a model with regions, else the foreground labels in
 * ascending order.
 *
 * @throws MODEL_FILE_INVALID
 */
export function labelsOfDataset(dataset: Field): EvaluatedLabels {
  const { names, foregroundLabels, regionsClassOrder, ignoreLabel } = readLabels(dataset).definition;
  if (regionsClassOrder === null) return { labels: foregroundLabels.map(singleLabel), ignoreLabel };
  const regions = names
    .filter(({ name, value }) => name !== "ignore" && [value].flat().some((label) => label !== 0))
    .map(({ value }) => (typeof value === "number" ? singleLabel(value) : region(value)));
  return { labels: regions, ignoreLabel };
}

export const singleLabel = (label: number): EvaluatedLabel => ({ key: String(label), labels: [label] });

/** @example region([3]).key // "(3,)" */
const region = (labels: readonly number[]): EvaluatedLabel => ({
  key: labels.length === 1 ? `(${labels[0]},)` : `(${labels.join(", ")})`,
  labels,
});
