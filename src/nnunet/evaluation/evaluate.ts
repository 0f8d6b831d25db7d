import { stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Progress } from "../../../processor/contract/progress/progress.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import { splitImageEnding } from "../../../processor/imaging/formats/image-ending.js";
import { readJsonFile } from "../../checkpoint/read-json-file.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { namesIn } from "../files/names-in.js";
import type { EvaluatedCase } from "./evaluate-folder.js";
import { type EvaluatedLabels, labelsOfDataset, singleLabel } from "./evaluated-label.js";
import { scoreFolder } from "./score-folder.js";
import { type EvaluationSummary, summaryText } from "./summary.js";
import { summaryTextOfV1 } from "./summary-v1.js";

export interface EvaluateOptions {
  /** As the user gave it: summary.json repeats it. */
  readonly referenceFolder: string;
  readonly predictionFolder: string;
  /** The start of relative paths. */
  readonly currentDirectory: string;
  /** Null to look for dataset.json in the predictions' folder and next to the references' folder. */
  readonly datasetJson: string | null;
  /** Null for the labels of dataset.json. */
  readonly labels: readonly number[] | null;
  readonly ignoreLabel: number | null;
  readonly allowMissing: boolean;
  readonly nnunetVersion: 1 | 2;
  /** Null for summary.json in the predictions' folder. */
  readonly summaryFile: string | null;
  readonly toleranceMm: number | null;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface Evaluation {
  readonly summary: EvaluationSummary;
  readonly cases: readonly EvaluatedCase[];
  /** The name of each label, as dataset.json has it; its key without a dataset.json. */
  readonly labelNames: readonly string[];
  readonly summaryFile: string;
}

/**
 * Scores a folder of predictions as `nnUNetv2_evaluate_folder`, `nnUNetv2_evaluate_simple` or v1's
 * `nnUNet_evaluate_folder` do, and writes their summary.json.
 *
 * @throws LABELS_UNKNOWN, USAGE, and the errors of `evaluateFolder`
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { currentDirectory, nnunetVersion, progress, signal, toleranceMm } = options;
  const place = (path: string): string => resolve(currentDirectory, path);
  const referenceFolder = place(options.referenceFolder);
  const predictionFolder = place(options.predictionFolder);
  const summaryFile = place(options.summaryFile ?? join(predictionFolder, "summary.json"));
  if (!summaryFile.endsWith(".json"))
    throw sharedError("USAGE", `${options.summaryFile} must end with .json, as in nnU-Net`);
  // Reports a wrong path before anything that would be missing in it.
  for (const folder of [referenceFolder, predictionFolder]) await namesIn(folder, "");
  const labels = await labelsToScore(options, { referenceFolder, predictionFolder });
  const request = {
    referenceFolder,
    predictionFolder,
    labels: labels.labels,
    ignoreLabel: labels.ignoreLabel,
    fileEnding: labels.fileEnding ?? (await endingOf(referenceFolder)),
    imageReader: labels.imageReader,
    // v1 wants the same files in both folders.
    allowMissing: options.allowMissing && nnunetVersion === 2,
    postProcessing: [],
    toleranceMm,
    progress,
    signal,
  };
  const { summary, cases } = await scoreFolder(request, {
    references: options.referenceFolder,
    predictions: options.predictionFolder,
  });
  const text =
    nnunetVersion === 2
      ? summaryText(summary)
      : summaryTextOfV1({ labels: labels.labels, cases: summary.cases, now: new Date() });
  await writeFileWhole(summaryFile, [Buffer.from(text)]);
  return { summary, cases, labelNames: labels.names, summaryFile };
}

interface LabelsToScore extends EvaluatedLabels {
  readonly names: readonly string[];
  /** Null if no dataset.json says it. */
  readonly fileEnding: string | null;
  readonly imageReader: string | null;
}

async function labelsToScore(
  options: EvaluateOptions,
  folders: { readonly referenceFolder: string; readonly predictionFolder: string },
): Promise<LabelsToScore> {
  if (options.labels !== null) {
    const labels = options.labels.map(singleLabel);
    const names = labels.map(({ key }) => key);
    return { labels, names, ignoreLabel: options.ignoreLabel, fileEnding: null, imageReader: null };
  }
  const file = await datasetFile(options, folders);
  const dataset = await readJsonFile(file);
  const reader = dataset.get("overwrite_image_reader_writer");
  const found = labelsOfDataset(dataset);
  const ending = dataset.get("file_ending");
  return {
    ...found,
    names: found.labels.map(({ key, labels }) => nameOf(dataset.get("labels").entries(), labels) ?? key),
    fileEnding: ending.isNull ? null : ending.string(),
    imageReader: reader.isString && reader.string() !== "None" ? reader.string() : null,
  };
}

type LabelEntries = ReturnType<Awaited<ReturnType<typeof readJsonFile>>["entries"]>;

function nameOf(entries: LabelEntries, labels: readonly number[]): string | null {
  const found = entries.find(([name, value]) => {
    if (name === "ignore") return false;
    const values = value.isList ? value.list().map((item) => item.text()) : [value.text()];
    return values.join() === labels.join();
  });
  return found?.[0] ?? null;
}

async function datasetFile(
  { datasetJson, currentDirectory }: EvaluateOptions,
  {
    referenceFolder,
    predictionFolder,
  }: { readonly referenceFolder: string; readonly predictionFolder: string },
): Promise<string> {
  if (datasetJson !== null) return resolve(currentDirectory, datasetJson);
  const places = [predictionFolder, referenceFolder, dirname(referenceFolder)];
  for (const folder of places) {
    const file = join(folder, "dataset.json");
    if ((await stat(file).catch(() => null))?.isFile() === true) return file;
  }
  throw nnunetError(
    "LABELS_UNKNOWN",
    `there is no dataset.json in ${places.join(", ")}, and no labels are given`,
  );
}

async function endingOf(folder: string): Promise<string> {
  const names = await namesIn(folder, "");
  const ending = names.map(splitImageEnding).find((parts) => parts !== null)?.ending;
  if (ending === undefined) throw sharedError("INPUT_NOT_FOUND", `${folder} has no image`);
  return ending;
}
