import { hostname } from "node:os";
import { relative } from "node:path";
import type { ProcessorError } from "../../contract/errors.js";
import { sharedError } from "../../contract/shared-errors.js";
import { exists } from "../../files/exists.js";
import type { CaseReport, CaseRequest } from "../cases/case.js";
import { errorOfCode } from "../errors.js";
import { checkOutputs } from "../outputs/check-outputs.js";
import { filesOf } from "../outputs/output-kinds.js";
import { afterFailure } from "./after-failure.js";
import type { BatchCase } from "./batch-case.js";
import { type Attempt, type CaseRecord, writeRecord } from "./case-record.js";
import type { CaseOutcome, CaseWorker } from "./case-worker.js";
import { batchError } from "./errors.js";
import { fileDigest } from "./file-digest.js";
import { type InputDigest, inputDigests } from "./input-digests.js";
import type { OpenedBatch } from "./open-batch.js";

/** A case that this process has claimed. */
export interface ClaimedCase {
  readonly one: BatchCase;
  /** The attempts before this one. */
  readonly attempts: readonly Attempt[];
}

export interface RunCaseOptions {
  readonly batch: OpenedBatch;
  readonly worker: CaseWorker;
  /** The attempts after the first one that a machine's failure is worth. */
  readonly retries: number;
  readonly signal: AbortSignal;
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly help: string;
  readonly exitCode: number;
}

/**
 * Computes a case, and writes its record.
 *
 * @throws the failure, without a record, if every other case would fail in the same way; the signal's reason
 */
export async function runCase({ one, attempts }: ClaimedCase, options: RunCaseOptions): Promise<CaseRecord> {
  const { batch, worker, retries, signal } = options;
  const request = batch.requestOf(one);
  await checkOutputs([request], "overwrite");
  await worker.open(signal);
  const begin = performance.now();
  const started = new Date().toISOString();
  const digesting = inputDigests(one.inputs, signal).catch(() => []);
  const outcome = await worker.segment(request, signal, orderAfter(attempts, batch));
  const seconds = (performance.now() - begin) / 1000;
  const failure = failureOf(outcome);
  const attempt: Attempt = {
    host: hostname(),
    started,
    seconds,
    error: failure === null ? null : { code: failure.code, message: failure.message },
  };
  const all = [...attempts, attempt];
  const next = failure === null ? "final" : afterFailure(all, failure.exitCode, retries);
  if (next === "stop") throw asError(failure!);
  const finished = recordOf({ one, batch, attempts: all, inputs: await digesting, failure });
  const record: CaseRecord = {
    ...finished,
    mayRetry: next === "retry",
    ...(outcome.kind === "died" ? {} : factsOf(outcome)),
    outputs: failure === null ? await outputDigests(request, batch, signal) : [],
  };
  await writeRecord(batch.folder, record);
  return record;
}

/** The reason to give up a case that ended its processes. */
export const endedItsProcesses = (message: string): ProcessorError => batchError("WORKER_DIED", message);

/** Writes the record of a case that is given up without another attempt. */
export async function giveUp(
  { one, attempts }: ClaimedCase,
  batch: OpenedBatch,
  { code, message, help, exitCode }: ProcessorError,
): Promise<CaseRecord> {
  const record = recordOf({
    one,
    batch,
    attempts,
    inputs: [],
    failure: { code, message, help, exitCode },
  });
  await writeRecord(batch.folder, record);
  return record;
}

/** After a failure for lack of memory, half of the threads compute the next attempt, and so fewer windows at a time. */
function orderAfter(attempts: readonly Attempt[], { order }: OpenedBatch): OpenedBatch["order"] {
  if (!attempts.some(({ error }) => error?.code === "OUT_OF_MEMORY")) return order;
  const { settings } = order;
  return {
    ...order,
    settings: { ...settings, threads: Math.max(1, Math.floor((settings.threads ?? 2) / 2)) },
  };
}

function failureOf(outcome: CaseOutcome): Failure | null {
  if (outcome.kind === "died") {
    const why = outcome.isKilled ? ", as the system does when memory runs out" : "";
    const { code, message, help, exitCode } = batchError(
      "WORKER_DIED",
      `the process that computed the case ended with ${outcome.how}${why}`,
    );
    return { code, message, help, exitCode };
  }
  const { error } = outcome.report;
  if (error === undefined) return null;
  return { ...error, exitCode: error.code === "BUG" ? 1 : errorOfCode(error.code, "").exitCode };
}

function asError({ code, message }: Failure): Error {
  if (code === "DISK_FULL" || code === "OUTPUT_UNWRITABLE") return sharedError(code, message);
  return errorOfCode(code as Parameters<typeof errorOfCode>[0], message);
}

interface RecordParts {
  readonly one: BatchCase;
  readonly batch: OpenedBatch;
  readonly attempts: readonly Attempt[];
  readonly inputs: readonly InputDigest[];
  readonly failure: Failure | null;
}

function recordOf({ one, batch: { file, run }, attempts, inputs, failure }: RecordParts): CaseRecord {
  return {
    recordVersion: 1,
    case: one.name,
    state: failure === null ? "done" : "failed",
    mayRetry: false,
    attempts,
    host: hostname(),
    device: null,
    inferenceEngine: null,
    seconds: attempts.at(-1)?.seconds ?? 0,
    ended: new Date().toISOString(),
    modelDigest: file.model.digest,
    manifestDigest: file.manifestDigest,
    runDigest: run,
    caseDigest: one.digest,
    inputs,
    outputs: [],
    labels: null,
    warnings: [],
    error: failure,
  };
}

function factsOf(outcome: {
  readonly report: CaseReport;
  readonly device: string;
  readonly inferenceEngine: string;
}) {
  const { report, device, inferenceEngine } = outcome;
  return { device, inferenceEngine, labels: report.labels ?? null, warnings: report.warnings ?? [] };
}

async function outputDigests(
  { outputs }: CaseRequest,
  { folder }: OpenedBatch,
  signal: AbortSignal,
): Promise<readonly InputDigest[]> {
  const digests: InputDigest[] = [];
  for (const path of outputs.flatMap(filesOf))
    if (await exists(path))
      digests.push({
        path: relative(folder.segmentations, path),
        sha256: await fileDigest(path, signal),
      });
  return digests;
}
