import type { Field } from "../../checkpoint/fields.js";
import { readJsonFile } from "../../checkpoint/read-json-file.js";
import type { EvaluatedLabel } from "../evaluation/evaluated-label.js";
import type { Scores } from "../evaluation/scores.js";
import type { SummaryMeans } from "../evaluation/summary.js";

/**
 * Reads the means of a summary.json of nnU-Net v2.
 *
 * @param labels the labels or regions that it must have
 * @throws MODEL_FILE_INVALID
 */
export async function readSummaryMeans(
  file: string,
  labels: readonly EvaluatedLabel[],
): Promise<SummaryMeans> {
  const summary = await readJsonFile(file);
  const means = summary.get("mean");
  return {
    labels,
    foregroundMean: scores(summary.get("foreground_mean")),
    meanOfLabel: labels.map(({ key }) => scores(means.get(key))),
  };
}

const scores = (field: Field): Scores => ({
  Dice: numberOrNaN(field.get("Dice")),
  IoU: numberOrNaN(field.get("IoU")),
  FP: numberOrNaN(field.get("FP")),
  TP: numberOrNaN(field.get("TP")),
  FN: numberOrNaN(field.get("FN")),
  TN: numberOrNaN(field.get("TN")),
  n_pred: numberOrNaN(field.get("n_pred")),
  n_ref: numberOrNaN(field.get("n_ref")),
});

/** Python's NaN is null here. */
const numberOrNaN = (field: Field): number => (field.isNull ? Number.NaN : field.number());
