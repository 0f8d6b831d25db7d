import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { counted } from "../../../processor/contract/counted.js";
import type { ProcessorError } from "../../../processor/contract/errors.js";
import type { Progress } from "../../../processor/contract/progress/progress.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { didYouMean } from "../../../processor/files/nearest-path.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import type { CaseResult } from "./evaluate-case.js";
import type { EvaluatedLabels } from "./evaluated-label.js";
import { type EvaluationPool, openEvaluationPool } from "./evaluation-pool.js";

export interface EvaluationRequest extends EvaluatedLabels {
  readonly referenceFolder: string;
  readonly predictionFolder: string;
  /** Only files with this ending are compared: `.nii.gz`. */
  readonly fileEnding: string;
  readonly imageReader: string | null;
  /** True to score only the predictions that are there; otherwise every reference must have one. */
  readonly allowMissing: boolean;
  readonly toleranceMm: number | null;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface EvaluatedCase extends CaseResult {
  readonly name: string;
  readonly referenceFile: string;
  readonly predictionFile: string;
}

/**
 * Compares every prediction of a folder with the reference of the same file name, in worker threads.
 *
 * @returns the cases, sorted by file name as in nnU-Net
 * @throws PREDICTION_MISSING, REFERENCE_MISSING, INPUT_NOT_FOUND; SOME_CASES_FAILED, or the case's own error if only one
 *   failed
 */
export async function evaluateFolder(request: EvaluationRequest): Promise<readonly EvaluatedCase[]> {
  const { referenceFolder, predictionFolder, progress, signal } = request;
  const names = await pairedNames(request);
  const pool = openEvaluationPool();
  const task = progress.start({ label: "comparing with the references", total: names.length, unit: "cases" });
  const stop = () => void pool.close();
  signal.addEventListener("abort", stop);
  try {
    const results = await Promise.allSettled(
      names.map(async (name) => {
        const files = {
          referenceFile: join(referenceFolder, name),
          predictionFile: join(predictionFolder, name),
        };
        const result = await evaluateOne(pool, files, request);
        task.advance(1);
        return { ...result, ...files, name };
      }),
    );
    signal.throwIfAborted();
    return allOrFailure(results, names);
  } finally {
    signal.removeEventListener("abort", stop);
    task.done();
    await pool.close();
  }
}

type CaseFiles = Pick<EvaluatedCase, "referenceFile" | "predictionFile">;

const evaluateOne = (
  pool: EvaluationPool,
  files: CaseFiles,
  request: EvaluationRequest,
): Promise<CaseResult> =>
  pool.evaluate({
    referenceFile: files.referenceFile,
    predictionFile: files.predictionFile,
    imageReader: request.imageReader,
    regions: request.labels.map(({ labels }) => labels),
    ignoreLabel: request.ignoreLabel,
    toleranceMm: request.toleranceMm,
  });

function allOrFailure(
  results: readonly PromiseSettledResult<EvaluatedCase>[],
  names: readonly string[],
): readonly EvaluatedCase[] {
  const failures = results.flatMap((result, i) =>
    result.status === "rejected" ? [{ name: names[i]!, reason: result.reason as ProcessorError }] : [],
  );
  const [first] = failures;
  if (first === undefined)
    return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  if (failures.length === 1) throw first.reason;
  throw sharedError(
    "SOME_CASES_FAILED",
    `${counted(failures.length, "case")} could not be compared:\n${failures.map(({ reason }) => `  ${reason.message}`).join("\n")}`,
  );
}

async function pairedNames(request: EvaluationRequest): Promise<readonly string[]> {
  const { referenceFolder, predictionFolder, fileEnding, allowMissing } = request;
  const predictions = await namesIn(predictionFolder, fileEnding);
  const references = await namesIn(referenceFolder, fileEnding);
  if (predictions.length === 0)
    throw sharedError("INPUT_NOT_FOUND", `${predictionFolder} has no file that ends with ${fileEnding}`);
  const missing = references.filter((name) => !predictions.includes(name));
  if (missing.length > 0 && !allowMissing)
    throw nnunetError(
      "PREDICTION_MISSING",
      `${predictionFolder} lacks ${listed(missing)} of ${referenceFolder}`,
    );
  const extra = predictions.filter((name) => !references.includes(name));
  if (extra.length > 0)
    throw nnunetError(
      "REFERENCE_MISSING",
      `${referenceFolder} lacks ${listed(extra)}, which ${predictionFolder} has`,
    );
  return predictions;
}

/** @throws INPUT_NOT_FOUND */
export async function namesIn(folder: string, ending: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(async (cause: unknown) => {
    throw sharedError(
      "INPUT_NOT_FOUND",
      `${folder} is not a folder that can be read${await didYouMean(folder)}`,
      {
        cause,
      },
    );
  });
  return entries
    .filter((entry) => !entry.isDirectory() && entry.name.endsWith(ending))
    .map(({ name }) => name)
    .sort();
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 10).join(", ");
  return names.length > 10 ? `${shown} and ${names.length - 10} more files` : shown;
}
