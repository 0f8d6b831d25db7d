import { mean, nanMean } from "../numpy-mean.js";
import { PythonFloat, type PythonJson, pythonJson } from "../python-json.js";
import type { VoxelCounts } from "./count-voxels.js";
import type { EvaluatedLabel } from "./evaluated-label.js";
import { type Scores, scoreNames } from "./scores.js";

/** The scores of one case, in the order of the labels. */
export interface CaseScores {
  readonly referenceFile: string;
  readonly predictionFile: string;
  readonly counts: readonly VoxelCounts[];
  readonly scores: readonly Scores[];
}

/** The means of nnU-Net v2's summary.json. */
export interface SummaryMeans {
  readonly labels: readonly EvaluatedLabel[];
  /** For each label, the mean of each score over the cases that have a value. */
  readonly meanOfLabel: readonly Scores[];
  /** The mean over the labels except 0. One label that no case has makes its Dice and IoU NaN. */
  readonly foregroundMean: Scores;
}

/** The content of nnU-Net v2's summary.json. */
export interface EvaluationSummary extends SummaryMeans {
  readonly cases: readonly CaseScores[];
}

export function summarize(
  labels: readonly EvaluatedLabel[],
  cases: readonly CaseScores[],
): EvaluationSummary {
  const meanOfLabel = labels.map((_, i) =>
    everyScore((name) => nanMean(cases.map(({ scores }) => scores[i]![name]))),
  );
  const foreground = meanOfLabel.filter((_, i) => labels[i]!.key !== "0");
  return {
    labels,
    cases,
    meanOfLabel,
    foregroundMean: everyScore((name) => mean(foreground.map((scores) => scores[name]))),
  };
}

const everyScore = (compute: (name: keyof Scores) => number): Scores => ({
  Dice: compute("Dice"),
  IoU: compute("IoU"),
  FP: compute("FP"),
  TP: compute("TP"),
  FN: compute("FN"),
  TN: compute("TN"),
  n_pred: compute("n_pred"),
  n_ref: compute("n_ref"),
});

/** The means of a summary, as nnU-Net's files have them. */
export const meansJson = ({
  labels,
  meanOfLabel,
  foregroundMean,
}: SummaryMeans): {
  readonly [key: string]: PythonJson;
} => ({
  foreground_mean: floats(foregroundMean),
  mean: new Map(labels.map(({ key }, i) => [key, floats(meanOfLabel[i]!)])),
});

/** Returns summary.json as nnU-Net v2 writes it: sorted keys, counts of a case as integers, means as floats. */
export const summaryText = (summary: EvaluationSummary): string => {
  const { labels, cases } = summary;
  return pythonJson(
    {
      ...meansJson(summary),
      metric_per_case: cases.map(({ referenceFile, predictionFile, scores }) => ({
        metrics: new Map(labels.map(({ key }, i) => [key, caseScores(scores[i]!)])),
        prediction_file: predictionFile,
        reference_file: referenceFile,
      })),
    },
    { sortKeys: true },
  );
};

const floats = (scores: Scores): PythonJson =>
  new Map(scoreNames.map((name) => [name, new PythonFloat(scores[name])]));

const caseScores = (scores: Scores): PythonJson =>
  new Map(
    scoreNames.map((name) => [
      name,
      name === "Dice" || name === "IoU" ? new PythonFloat(scores[name]) : scores[name],
    ]),
  );
