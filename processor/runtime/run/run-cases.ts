import { ProcessorError } from "../../contract/errors.js";
import { duration } from "../../contract/progress/line-progress.js";
import { caseNote } from "../../contract/progress/run-event.js";
import { systemError } from "../../files/system-error.js";
import { extentText } from "../../imaging/volume/extent.js";
import type { CaseReport, CaseRequest } from "../cases/case.js";
import { isRuntimeErrorCode } from "../errors.js";
import { type Existing, furtherFilesOf, isWritten } from "../outputs/check-outputs.js";
import { countLabels, labelsOf } from "../outputs/count-labels.js";
import type { StepReport } from "../postprocess/remove-components.js";
import { type PredictedWork, type PreparedWork, prepareCase } from "../segment/case-work.js";
import type { SegmentContext } from "../segment/segment-context.js";
import { prepareTask } from "../totalsegmentator/task-work.js";
import { memoryError } from "./memory-limit.js";

/**
 * Segments all cases with one set of loaded networks. While a case is in the network, the next case is read and the
 * previous one is written; the first one is read while the networks are loaded. A case that fails is reported, and the
 * other cases continue. Call `checkOutputs` first.
 *
 * @throws the signal's reason if the run is stopped; what the networks' `opened` throws
 */
export async function runCases(
  requests: readonly CaseRequest[],
  context: SegmentContext,
  existing: Existing,
): Promise<readonly CaseReport[]> {
  const { onEvent } = context.tools;
  const reports = new Map<CaseRequest, CaseReport>();
  const report = (request: CaseRequest, result: CaseReport): void => {
    reports.set(request, result);
    const { name, error } = result;
    // If there is only one case, the run ends with its error.
    if (error !== undefined && requests.length > 1)
      onEvent(caseNote(name, "case-failed", `failed: ${error.code}: ${error.message}`));
  };
  const due: CaseRequest[] = [];
  for (const request of requests) {
    try {
      if (existing === "continue" && (await isPresent(request, context))) report(request, skipped(request));
      else due.push(request);
    } catch (error) {
      report(request, failed(request, error));
    }
  }
  const { opened, coresAreFree } = context.opened.networks;
  await coresAreFree;
  let upcoming = due.length > 0 ? attempt(due[0]!, context, new Stopwatch()) : null;
  let writing: Promise<void> = Promise.resolve();
  try {
    await opened;
  } catch (error) {
    await upcoming; // it uses the threads, which end with the run
    throw error;
  }
  const started = performance.now();
  for (let i = 0; i < due.length; i++) {
    const request = due[i]!;
    const current = await upcoming!;
    context.tools.signal.throwIfAborted();
    upcoming = i + 1 < due.length ? attempt(due[i + 1]!, context, new Stopwatch()) : null;
    if (!(current instanceof Attempt)) {
      report(request, { ...failed(request, current.error), seconds: current.seconds });
      continue;
    }
    try {
      onEvent({ kind: "case-started", case: request.name, number: i + 1, total: due.length });
      const segmented = await current.watch.time("predict", () => current.prepared.predict());
      await writing;
      const after = restText({
        done: i + 1,
        total: due.length,
        seconds: (performance.now() - started) / 1000,
      });
      writing = finish({ segmented, attempted: current, context, after }).then((done) =>
        report(request, done),
      );
    } catch (error) {
      context.tools.signal.throwIfAborted();
      report(request, { ...failed(request, error), seconds: current.watch.seconds() });
    }
  }
  await writing;
  return requests.map((request) => reports.get(request)!);
}

const prepare = (request: CaseRequest, context: SegmentContext): Promise<PreparedWork> =>
  context.opened.manifest.totalsegmentator === null
    ? prepareCase(request, context)
    : prepareTask(request, context);

type Seconds = NonNullable<CaseReport["seconds"]>;

class Attempt {
  readonly request: CaseRequest;
  readonly prepared: PreparedWork;
  readonly watch: Stopwatch;

  constructor(request: CaseRequest, prepared: PreparedWork, watch: Stopwatch) {
    this.request = request;
    this.prepared = prepared;
    this.watch = watch;
  }
}

/** Catches the error and returns it, because a promise that rejects before it is awaited would crash the process. */
async function attempt(
  request: CaseRequest,
  context: SegmentContext,
  watch: Stopwatch,
): Promise<Attempt | { readonly error: unknown; readonly seconds: Seconds }> {
  try {
    return new Attempt(request, await watch.time("preprocess", () => prepare(request, context)), watch);
  } catch (error) {
    return { error, seconds: watch.seconds() };
  }
}

interface Finishing {
  readonly segmented: PredictedWork;
  readonly attempted: Attempt;
  readonly context: SegmentContext;
  /** The text for the log about the remaining cases when this case is done. */
  readonly after: string;
}

/** Returns a text such as ` (3 of 40, about 8 min left)`; empty if there is only one case. */
function restText({ done, total, seconds }: Readonly<Record<"done" | "total" | "seconds", number>>): string {
  if (total === 1) return "";
  const left = done < total ? `, about ${duration((seconds / done) * (total - done))} left` : "";
  return ` (${done} of ${total}${left})`;
}

async function finish({ segmented, attempted, context, after }: Finishing): Promise<CaseReport> {
  const { request, prepared, watch } = attempted;
  try {
    const written = await watch.time("write", () => segmented.write());
    const { executionProvider, program } = await context.opened.networks.opened;
    const labels = countLabels(written, labelsOf(request, context.opened.model.labels));
    const absent = absentObjectLines(request, labels);
    const warnings = [...prepared.warnings, ...absent];
    const furtherFiles = await furtherFilesOf(request);
    const done = {
      name: request.name,
      status: "done",
      outputFile: request.outputs[0].path,
      ...(furtherFiles.length === 0 ? {} : { furtherFiles }),
      executionProvider,
      inferenceEngine: program,
      seconds: watch.seconds(),
      labels,
      ...(segmented.candidates === null ? {} : { candidates: segmented.candidates }),
      ...(segmented.removed.length === 0 ? {} : { removed: segmented.removed }),
      ...(warnings.length === 0 ? {} : { warnings }),
    } as const;
    for (const line of absent) context.tools.onEvent(caseNote(request.name, "post-processing", line));
    for (const line of removedLines(segmented.removed, context))
      context.tools.onEvent(caseNote(request.name, "post-processing", line));
    context.tools.onEvent(
      caseNote(request.name, "case-done", `done in ${done.seconds.total!.toFixed(1)} s${after}`),
    );
    return done;
  } catch (error) {
    return { ...failed(request, error), seconds: watch.seconds() };
  }
}

/** Returns a line if a segmentation is empty, and its DICOM objects are therefore not written. */
function absentObjectLines(
  { outputs }: CaseRequest,
  labels: readonly { readonly voxels: number }[],
): readonly string[] {
  const isAbsent = outputs.some(
    (output) => output.kind === "dicom-segmentation" && output.emptyMetadata === null,
  );
  if (!isAbsent || labels.some(({ voxels }) => voxels > 0)) return [];
  return ["no voxel was segmented, so there is no DICOM segmentation"];
}

/** Returns a line for each step of post-processing that removed something. */
function removedLines(
  removed: readonly StepReport[],
  { opened: { model } }: SegmentContext,
): readonly string[] {
  const nameOf = (label: number) =>
    model.labels.names.find(({ value }) => value === label)?.name ?? `label ${label}`;
  return removed
    .filter(({ removedComponents }) => removedComponents > 0)
    .map(({ labels, removedComponents, removedVoxels, removedMillilitres, removedSquareMillimetres }) => {
      const parts = `${removedComponents} part${removedComponents === 1 ? "" : "s"}`;
      const extent =
        removedMillilitres === undefined
          ? { squareMillimetres: removedSquareMillimetres! }
          : { millilitres: removedMillilitres };
      const size = `${removedVoxels} voxels, ${extentText(extent, 2)}`;
      return `post-processing removed ${parts} of ${labels.map(nameOf).join(" + ")} (${size})`;
    });
}

function failed(request: CaseRequest, error: unknown): CaseReport {
  const known = systemError(memoryError(error));
  const described =
    known instanceof ProcessorError && isRuntimeErrorCode(known.code)
      ? { code: known.code, message: known.message, help: known.help }
      : {
          code: "BUG" as const,
          message: error instanceof Error ? (error.stack ?? error.message) : String(error),
          help: "Please report it, with the lines above.",
        };
  return {
    name: request.name,
    status: "failed",
    outputFile: request.outputs[0].path,
    error: described,
  };
}

const skipped = ({ name, outputs }: CaseRequest): CaseReport => ({
  name,
  status: "skipped",
  outputFile: outputs[0].path,
});

async function isPresent(request: CaseRequest, { tools: { hooks } }: SegmentContext): Promise<boolean> {
  const context = { caseName: request.name, outputFile: request.outputs[0].path };
  return (await hooks.isResultForImagePresent(context)) ?? isWritten(request);
}

class Stopwatch {
  readonly #measured: Record<string, number> = {};

  async time<T>(phase: "preprocess" | "predict" | "write", run: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await run();
    } finally {
      this.#measured[phase] = (performance.now() - start) / 1000;
    }
  }

  /** Returns the times. `total` is the time of the work on this case, which overlaps with the work on its neighbours. */
  seconds(): Seconds {
    const total = Object.values(this.#measured).reduce((sum, value) => sum + value, 0);
    return { ...this.#measured, total };
  }
}
