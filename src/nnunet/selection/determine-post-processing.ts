import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { copyFileWhole } from "../../../processor/files/copy-file.js";
import { exists } from "../../../processor/files/exists.js";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import type { EvaluatedLabel } from "../evaluation/evaluated-label.js";
import { scoreFolder } from "../evaluation/score-folder.js";
import { type EvaluationSummary, type SummaryMeans, summaryText } from "../evaluation/summary.js";
import { namesIn } from "../files/names-in.js";
import { forEachCase, type WorkSession } from "../threads/for-each-case.js";
import type { LabelRules } from "./label-rules.js";
import { stepOfV2 } from "./largest-components.js";
import {
  type PostProcessingStep,
  postProcessingJson,
  postProcessingPickle,
} from "./post-processing-files.js";
import { readSummaryMeans } from "./read-summary.js";

export interface DetermineOptions extends WorkSession {
  /** The folder with the predictions of the whole cross-validation. */
  readonly folder: string;
  readonly referenceFolder: string;
  readonly rules: LabelRules;
}

/** One question that was asked, and its answer. */
export interface Trial {
  /** Null for all foreground labels together. */
  readonly label: EvaluatedLabel | null;
  readonly diceBefore: number;
  readonly diceAfter: number;
  readonly isAccepted: boolean;
}

export interface DeterminedPostProcessing {
  readonly steps: readonly PostProcessingStep[];
  readonly trials: readonly Trial[];
  readonly before: SummaryMeans;
  readonly after: SummaryMeans;
  /** The references without a prediction; the choice should rest on all of them. */
  readonly missing: readonly string[];
}

/** A stage of the predictions: with some steps applied. */
interface Stage {
  readonly steps: readonly PostProcessingStep[];
  readonly means: SummaryMeans;
  /** Null for the predictions as they are. */
  readonly summary: EvaluationSummary | null;
}

/**
 * Decides as `nnUNetv2_determine_postprocessing` does which largest components to keep: first for all foreground labels
 * together, then for each label or region on the best segmentations so far. Writes summary.json (if there is none),
 * postprocessing.json, postprocessing.pkl and the folder `postprocessed`.
 *
 * @throws the errors of `scoreFolder`
 */
export async function determinePostProcessing(options: DetermineOptions): Promise<DeterminedPostProcessing> {
  const { folder, referenceFolder, rules } = options;
  const { labels } = rules.evaluated;
  const names = await namesIn(folder, rules.fileEnding);
  const references = await namesIn(referenceFolder, rules.fileEnding);
  const score = scorer(options);
  const summaryFile = join(folder, "summary.json");
  if (!(await exists(summaryFile)))
    await writeFileWhole(summaryFile, [Buffer.from(summaryText(await score([], folder)))]);
  const before = await readSummaryMeans(summaryFile, labels);

  let best: Stage = { steps: [], means: before, summary: null };
  const trials: Trial[] = [];
  const temporary = (name: string): string => join(folder, "postprocessed", "temp", name);

  const all: PostProcessingStep = { labels: rules.definition.foregroundLabels, form: "list" };
  const together = await score([all], temporary("keep_largest_fg"));
  const isBetter =
    together.foregroundMean.Dice > before.foregroundMean.Dice &&
    together.meanOfLabel.every(({ Dice }, i) => !(Dice < before.meanOfLabel[i]!.Dice));
  trials.push({
    label: null,
    diceBefore: before.foregroundMean.Dice,
    diceAfter: together.foregroundMean.Dice,
    isAccepted: isBetter,
  });
  if (isBetter) best = { steps: [all], means: together, summary: together };

  for (const [i, label] of labels.length > 1 ? labels.entries() : []) {
    const step: PostProcessingStep = {
      labels: label.labels,
      form: label.key.startsWith("(") ? "region" : "label",
    };
    const steps = [...best.steps, step];
    const tried = await score(steps, temporary("keep_largest_perClassOrRegion"));
    const [diceBefore, diceAfter] = [best.means.meanOfLabel[i]!.Dice, tried.meanOfLabel[i]!.Dice];
    trials.push({ label, diceBefore, diceAfter, isAccepted: diceAfter > diceBefore });
    if (diceAfter > diceBefore) best = { steps, means: tried, summary: tried };
  }

  await writeBest(options, best, names);
  const result = { before: { ...before, labels }, after: best.means, steps: best.steps };
  await writeFileWhole(join(folder, "postprocessing.pkl"), [postProcessingPickle(best.steps)]);
  await writeFileWhole(join(folder, "postprocessing.json"), [Buffer.from(postProcessingJson(result))]);
  return { ...result, trials, missing: references.filter((name) => !names.includes(name)) };
}

/** Returns a function that scores the predictions after some steps; summary.json names the folder that nnU-Net used. */
const scorer =
  ({ folder, referenceFolder, rules, progress, signal }: DetermineOptions) =>
  async (steps: readonly PostProcessingStep[], shownFolder: string): Promise<EvaluationSummary> => {
    const request = {
      referenceFolder,
      predictionFolder: folder,
      fileEnding: rules.fileEnding,
      imageReader: rules.imageReader,
      labels: rules.evaluated.labels,
      ignoreLabel: rules.evaluated.ignoreLabel,
      allowMissing: true,
      postProcessing: steps.map(({ labels }) => stepOfV2(labels)),
      toleranceMm: null,
      progress,
      signal,
    };
    return (await scoreFolder(request, { references: referenceFolder, predictions: shownFolder })).summary;
  };

/** Writes `postprocessed`: the segmentations of the best stage, or a copy of the folder's files if no step helps. */
async function writeBest(options: DetermineOptions, best: Stage, names: readonly string[]): Promise<void> {
  const { folder, rules } = options;
  const target = join(folder, "postprocessed");
  await makeFolder(target);
  if (best.summary === null) {
    for (const entry of await readdir(folder, { withFileTypes: true }))
      if (entry.isFile()) await copyFileWhole(join(folder, entry.name), join(target, entry.name));
    return;
  }
  const tasks = names.map((name) => ({
    from: join(folder, name),
    to: join(target, name),
    imageReader: rules.imageReader,
    steps: best.steps.map(({ labels }) => stepOfV2(labels)),
  }));
  await forEachCase("writing postprocessed segmentations", "postProcessFile", tasks, options);
  await writeFileWhole(join(target, "summary.json"), [Buffer.from(summaryText(best.summary))]);
}
