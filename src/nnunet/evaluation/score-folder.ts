import { type EvaluatedCase, type EvaluationRequest, evaluateFolder } from "./evaluate-folder.js";
import { scoresOf } from "./scores.js";
import { type EvaluationSummary, summarize } from "./summary.js";

/** Folders as summary.json names them; they may be relative. */
export interface ShownFolders {
  readonly references: string;
  readonly predictions: string;
}

export interface ScoredFolder {
  readonly summary: EvaluationSummary;
  readonly cases: readonly EvaluatedCase[];
}

/**
 * Scores the predictions of a folder.
 *
 * @throws the errors of `evaluateFolder`
 */
export async function scoreFolder(
  request: EvaluationRequest,
  shown: ShownFolders = { references: request.referenceFolder, predictions: request.predictionFolder },
): Promise<ScoredFolder> {
  const cases = await evaluateFolder(request);
  const scored = cases.map(({ name, counts }) => ({
    referenceFile: inFolder(shown.references, name),
    predictionFile: inFolder(shown.predictions, name),
    counts,
    scores: counts.map(scoresOf),
  }));
  return { summary: summarize(request.labels, scored), cases };
}

/** Joins as Python's `os.path.join` does, which keeps `./`. */
const inFolder = (folder: string, name: string): string =>
  folder.endsWith("/") ? `${folder}${name}` : `${folder}/${name}`;
