import { join } from "node:path";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import { scoreFolder } from "../evaluation/score-folder.js";
import { summaryText } from "../evaluation/summary.js";
import type { WorkSession } from "../threads/for-each-case.js";
import type { LabelRules } from "./label-rules.js";

export interface PredictionsToScore {
  readonly folder: string;
  readonly references: string;
  readonly rules: LabelRules;
  /** What summary.json calls the folder; itself if it is left out. */
  readonly shownFolder?: string;
}

/** Scores the predictions of a folder by the rules of their model, and writes summary.json next to them. */
export async function writeSummary(
  { folder, references, rules, shownFolder = folder }: PredictionsToScore,
  { progress, signal }: WorkSession,
): Promise<void> {
  const request = {
    referenceFolder: references,
    predictionFolder: folder,
    labels: rules.evaluated.labels,
    ignoreLabel: rules.evaluated.ignoreLabel,
    fileEnding: rules.fileEnding,
    imageReader: rules.imageReader,
    allowMissing: true,
    postProcessing: [],
    toleranceMm: null,
    progress,
    signal,
  };
  const { summary } = await scoreFolder(request, { references, predictions: shownFolder });
  await writeFileWhole(join(folder, "summary.json"), [Buffer.from(summaryText(summary))]);
}
