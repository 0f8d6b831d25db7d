import { createHash } from "node:crypto";
import { nanMean } from "../numpy-mean.js";
import { PythonFloat, type PythonJson, pythonJson } from "../python-json.js";
import type { VoxelCounts } from "./count-voxels.js";
import type { EvaluatedLabel } from "./evaluated-label.js";

export interface CaseOfV1 {
  readonly referenceFile: string;
  readonly predictionFile: string;
  /** In the order of the labels. */
  readonly counts: readonly VoxelCounts[];
}

export interface SummaryOfV1Options {
  readonly labels: readonly EvaluatedLabel[];
  readonly cases: readonly CaseOfV1[];
  readonly now: Date;
  /** v1's fields that its command leaves empty and its trainer fills. */
  readonly description?: string;
  readonly name?: string;
  readonly task?: string;
  readonly author?: string;
  /** True to add the mean over all classes except 0, -1 and 99, as v1 does when it compares models. */
  readonly withMean?: boolean;
  /** The name that v1 adds when it has averaged two models. */
  readonly experiment?: string;
}

/** The measures of nnU-Net v1, in no order of meaning: the file is sorted by name. */
const measures: readonly (readonly [name: string, compute: (counts: VoxelCounts) => number])[] = [
  ["Accuracy", (c) => (c.truePositives + c.trueNegatives) / total(c)],
  [
    "Dice",
    (c) => ifAny(c, (2 * c.truePositives) / (2 * c.truePositives + c.falsePositives + c.falseNegatives)),
  ],
  // v1 computes it as 1 - precision, which differs from a division in the last digit.
  ["False Discovery Rate", (c) => 1 - precision(c)],
  ["False Negative Rate", (c) => 1 - recall(c)],
  ["False Omission Rate", (c) => c.falseNegatives / (c.falseNegatives + c.trueNegatives)],
  ["False Positive Rate", (c) => 1 - specificity(c)],
  ["Jaccard", (c) => ifAny(c, c.truePositives / (c.truePositives + c.falsePositives + c.falseNegatives))],
  ["Negative Predictive Value", (c) => 1 - c.falseNegatives / (c.falseNegatives + c.trueNegatives)],
  ["Precision", (c) => precision(c)],
  ["Recall", (c) => recall(c)],
  ["Total Positives Reference", (c) => referenceVoxels(c)],
  ["Total Positives Test", (c) => predictedVoxels(c)],
  ["True Negative Rate", (c) => specificity(c)],
];

const counted = new Set(["Total Positives Reference", "Total Positives Test"]);

const total = (c: VoxelCounts): number =>
  c.truePositives + c.falsePositives + c.falseNegatives + c.trueNegatives;
const referenceVoxels = (c: VoxelCounts): number => c.truePositives + c.falseNegatives;
const predictedVoxels = (c: VoxelCounts): number => c.truePositives + c.falsePositives;

/** NaN if both images lack the label. */
const ifAny = (c: VoxelCounts, value: number): number =>
  referenceVoxels(c) + predictedVoxels(c) === 0 ? Number.NaN : value;

/** NaN if the prediction is empty or fills the image. */
const precision = (c: VoxelCounts): number => c.truePositives / predictedVoxels(c);
const recall = (c: VoxelCounts): number => c.truePositives / referenceVoxels(c);
const specificity = (c: VoxelCounts): number => c.trueNegatives / (c.trueNegatives + c.falsePositives);

/** Returns the mean Dice of each label over the cases that have one. */
export const meanDices = (
  labels: readonly EvaluatedLabel[],
  cases: readonly CaseOfV1[],
): ReadonlyMap<string, number> =>
  new Map(labels.map(({ key }, i) => [key, nanMean(cases.map(({ counts }) => diceOf(counts[i]!)))]));

const [, diceMeasure] = measures.find(([name]) => name === "Dice")!;
const diceOf = (counts: VoxelCounts): number => diceMeasure(counts);

/** What v1 leaves out of the mean over the classes. */
const notMeant = new Set(["0", "-1", "99"]);

/** Returns summary.json as nnU-Net v1 writes it. Its mean leaves out cases without a value (NaN). */
export function summaryTextOfV1(options: SummaryOfV1Options): string {
  const { labels, cases } = options;
  const scores = cases.map(({ counts }) =>
    labels.map((_, i) => measures.map(([, compute]) => compute(counts[i]!))),
  );
  const all = cases.map(({ referenceFile, predictionFile }, caseIndex) => {
    const entries: [string, PythonJson][] = labels.map(({ key }, i) => [
      key,
      scoresOf(scores[caseIndex]![i]!),
    ]);
    return new Map<string, PythonJson>([...entries, ["reference", referenceFile], ["test", predictionFile]]);
  });
  const meanScores = labels.map((_, i) =>
    measures.map((_measure, m) => nanMean(scores.map((ofCase) => ofCase[i]![m]!))),
  );
  const means = labels.map(({ key }, i): [string, PythonJson] => [key, floatsOf(meanScores[i]!)]);
  const content: Record<string, PythonJson> = {
    author: options.author ?? "Fabian",
    description: options.description ?? "",
    name: options.name ?? "",
    results: { all, mean: new Map(means) },
    task: options.task ?? "",
    timestamp: timestampOf(options.now),
  };
  const id = createHash("md5")
    .update(pythonJson(content, { sortKeys: true }))
    .digest("hex")
    .slice(0, 12);
  const added: Record<string, PythonJson> = {};
  if (options.experiment !== undefined) added["experiment_name"] = options.experiment;
  if (options.withMean === true) {
    // v1 reads the classes from the file, where "10" stands before "2"; the order can decide the last digit.
    const meant = labels
      .map(({ key }, i) => ({ key, scores: meanScores[i]! }))
      .filter(({ key }) => !notMeant.has(key))
      .toSorted((a, b) => (a.key < b.key ? -1 : 1))
      .map(({ scores: ofLabel }) => ofLabel);
    const overall = measures.map((_, m) => nanMean(meant.map((ofLabel) => ofLabel[m]!)));
    const kept = means.filter(([key]) => key !== "99");
    added["results"] = { all, mean: new Map([...kept, ["mean", floatsOf(overall)]]) };
  }
  return pythonJson({ ...content, id, ...added }, { sortKeys: true });
}

const floatsOf = (values: readonly number[]): PythonJson =>
  new Map(measures.map(([name], i) => [name, new PythonFloat(values[i]!)]));

const scoresOf = (values: readonly number[]): PythonJson =>
  new Map(measures.map(([name], i) => [name, counted.has(name) ? values[i]! : new PythonFloat(values[i]!)]));

/** @example timestampOf(new Date(0)) // "1970-01-01 00:00:00.000000" */
const timestampOf = (now: Date): string => `${now.toISOString().slice(0, 23).replace("T", " ")}000`;
