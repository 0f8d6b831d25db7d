import { join } from "node:path";
import type { PostProcessingStep } from "../../../../processor/contract/manifest.js";
import { readJsonFile } from "../../../checkpoint/read-json-file.js";
import { singleLabel } from "../../evaluation/evaluated-label.js";
import { scoreFolder } from "../../evaluation/score-folder.js";
import { meanDices, type SummaryOfV1Options, summaryTextOfV1 } from "../../evaluation/summary-v1.js";
import { mean } from "../../numpy-mean.js";
import type { WorkSession } from "../../threads/for-each-case.js";

/** The mean Dice of each label, by its text. */
export type DiceOfLabels = ReadonlyMap<string, number>;

/** Segmentations that are compared with references of the same names. */
export interface ScoredPredictions {
  readonly folder: string;
  readonly referenceFolder: string;
  readonly classes: readonly number[];
}

export interface Score {
  readonly dices: DiceOfLabels;
  readonly caseCount: number;
  /** Returns summary.json, which names the segmentations in another folder if one is given. */
  readonly summary: (options?: SummaryTexts) => string;
}

export interface SummaryTexts extends Pick<SummaryOfV1Options, "name" | "task" | "withMean" | "experiment"> {
  readonly shownFolder?: string;
  /** File names in the order of the summary; ascending if absent. */
  readonly order?: readonly string[];
}

/** Scores a folder of segmentations as nnU-Net v1 does, after some steps of post-processing. */
export async function scoreOfV1(
  { folder, referenceFolder, classes }: ScoredPredictions,
  postProcessing: readonly PostProcessingStep[],
  { progress, signal }: WorkSession,
): Promise<Score> {
  const labels = classes.map(singleLabel);
  const { cases } = await scoreFolder({
    referenceFolder,
    predictionFolder: folder,
    fileEnding: ".nii.gz",
    imageReader: null,
    labels,
    ignoreLabel: null,
    allowMissing: true,
    postProcessing,
    toleranceMm: null,
    progress,
    signal,
  });
  const scored = (shownFolder: string, order: readonly string[]) =>
    cases
      .toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name))
      .map(({ name, counts }) => ({
        referenceFile: join(referenceFolder, name),
        predictionFile: join(shownFolder, name),
        counts,
      }));
  return {
    dices: meanDices(labels, scored(folder, [])),
    caseCount: cases.length,
    summary: ({ shownFolder = folder, order = [], ...texts } = {}) =>
      summaryTextOfV1({ labels, cases: scored(shownFolder, order), now: new Date(), ...texts }),
  };
}

/** Returns the mean over the classes, as v1 compares models; NaN if one class has none. */
export function meanForeground(dices: DiceOfLabels): number {
  return mean([...dices].filter(([label]) => label !== "0").map(([, dice]) => dice));
}

/**
 * Reads the mean Dice of each class from a summary.json of nnU-Net v1.
 *
 * @throws MODEL_FILE_INVALID
 */
export async function readDices(file: string): Promise<DiceOfLabels> {
  const means = (await readJsonFile(file)).get("results").get("mean");
  const labels = means.keys().filter((key) => key !== "mean");
  return new Map(
    labels.map((label) => {
      const dice = means.get(label).get("Dice");
      return [label, dice.isNull ? Number.NaN : dice.number()];
    }),
  );
}

/**
 * Returns the labels that a summary.json of nnU-Net v1 scores.
 *
 * @throws MODEL_FILE_INVALID
 */
export async function readClasses(file: string): Promise<readonly number[]> {
  return [...(await readDices(file)).keys()].map(Number).filter(Number.isInteger);
}
