import { join } from "node:path";
import type { PostProcessingStep } from "../../../processor/contract/manifest.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { someOf } from "../../ground/some-of.js";
import { namesIn, someNamesIn } from "../files/names-in.js";
import { forEachCase, type WorkSession } from "../threads/for-each-case.js";
import type { CaseResult } from "./evaluate-case.js";
import type { EvaluatedLabels } from "./evaluated-label.js";

export interface EvaluationRequest extends EvaluatedLabels, WorkSession {
  readonly referenceFolder: string;
  readonly predictionFolder: string;
  /** Only files with this ending are compared: `.nii.gz`. */
  readonly fileEnding: string;
  readonly imageReader: string | null;
  /** True to score only the predictions that are there; otherwise every reference must have one. */
  readonly allowMissing: boolean;
  /** The steps of a post-processing that the predictions pass first. */
  readonly postProcessing: readonly PostProcessingStep[];
  readonly toleranceMm: number | null;
}

export interface EvaluatedCase extends CaseResult {
  readonly name: string;
}

/**
 * Compares every prediction of a folder with the reference of the same file name, in worker threads.
 *
 * @returns the cases, sorted by file name as in nnU-Net
 * @throws LABELS_UNKNOWN, PREDICTION_MISSING, REFERENCE_MISSING, INPUT_NOT_FOUND; SOME_CASES_FAILED, or the case's own error if only one
 *   failed
 */
export async function evaluateFolder(request: EvaluationRequest): Promise<readonly EvaluatedCase[]> {
  const { referenceFolder, predictionFolder, labels, ignoreLabel, imageReader, toleranceMm } = request;
  const { postProcessing } = request;
  if (labels.length === 0)
    throw nnunetError("LABELS_UNKNOWN", `there is no label to score in ${predictionFolder} but background`);
  const names = await pairedNames(request);
  const tasks = names.map((name) => ({
    referenceFile: join(referenceFolder, name),
    predictionFile: join(predictionFolder, name),
    imageReader,
    regions: labels.map((label) => label.labels),
    ignoreLabel,
    postProcessing,
    toleranceMm,
  }));
  const results = await forEachCase("comparing with the references", "evaluateCase", tasks, request);
  return results.map((result, i) => ({ ...result, name: names[i]! }));
}

async function pairedNames(request: EvaluationRequest): Promise<readonly string[]> {
  const { referenceFolder, predictionFolder, fileEnding, allowMissing } = request;
  const predictions = await someNamesIn(predictionFolder, fileEnding);
  const references = await namesIn(referenceFolder, fileEnding);
  const missing = references.filter((name) => !predictions.includes(name));
  if (missing.length > 0 && !allowMissing)
    throw nnunetError(
      "PREDICTION_MISSING",
      `${predictionFolder} lacks ${someOf(missing)} of ${referenceFolder}`,
    );
  const extra = predictions.filter((name) => !references.includes(name));
  if (extra.length > 0)
    throw nnunetError(
      "REFERENCE_MISSING",
      `${referenceFolder} lacks ${someOf(extra)}, which ${predictionFolder} has`,
    );
  return predictions;
}
