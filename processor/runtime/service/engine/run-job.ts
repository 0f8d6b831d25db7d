import { stat } from "node:fs/promises";
import { join, relative } from "node:path";
import type { RunEvent } from "../../../contract/progress/run-event.js";
import { predictDefaults } from "../../../contract/setting-choices.js";
import { makeFolder } from "../../../files/make-folder.js";
import type { CaseReport } from "../../cases/case.js";
import { caseFailure } from "../../cases/case-failure.js";
import { hasCudaProvider } from "../../inference/cuda-provider.js";
import type { Gpu } from "../../inference/nvidia-smi.js";
import { checkOutputs } from "../../outputs/check-outputs.js";
import type { JobFile, JobProgress, JobResult, StageResult } from "../jobs/job.js";
import type { EngineJob } from "./job-engine.js";
import type { JobWork, StageWork } from "./job-work.js";
import type { LocateModel } from "./locate-model.js";
import type { NetworkCache } from "./network-cache.js";
import { type StageOutputs, stageRequest } from "./stage-request.js";
import { unpackArchives } from "./unpack-archives.js";
import { waitForGpu } from "./wait-for-gpu.js";
import type { FromWorker, WorkerSettings } from "./worker-messages.js";

export interface RunJobContext {
  readonly settings: WorkerSettings;
  readonly cache: NetworkCache;
  readonly locateModel: LocateModel;
  readonly signal: AbortSignal;
  readonly send: (message: FromWorker) => void;
}

/** Runs the models of a job, one after the other. Each can continue the results of those before it. */
export async function runJob({ work }: EngineJob, context: RunJobContext): Promise<JobResult> {
  const { settings, signal, send } = context;
  const began = performance.now();
  const gpu = hasCudaProvider()
    ? await waitForGpu(work.minMemoryMib, {
        settings,
        lastGpu: context.cache.lastGpu,
        signal,
        onWait: () => send({ kind: "waiting_for_device" }),
      })
    : null;
  send({ kind: "started" });
  await unpackArchives(work.archives, signal);
  await makeFolder(work.outputDir);
  const stages: StageResult[] = [];
  const files: JobFile[] = [];
  const finished: StageOutputs[] = [];
  for (const [place, stage] of work.stages.entries()) {
    const { result, outputs } = await runStage(stage, { ...context, work, place, finished, gpu });
    stages.push(result);
    finished.push(outputs);
    files.push(...(await filesOf(outputs, { place, work })));
  }
  const ranOnGpu = stages.some(({ execution_provider: provider }) => provider.startsWith("CUDA"));
  return {
    time_elapsed: (performance.now() - began) / 1000,
    gpu: ranOnGpu ? (gpu?.index ?? null) : null,
    stages,
    files,
  };
}

interface StageContext extends RunJobContext {
  readonly work: JobWork;
  readonly place: number;
  readonly finished: readonly StageOutputs[];
  /** Null on a CPU, or if no GPU is known. */
  readonly gpu: Gpu | null;
}

async function runStage(
  stage: StageWork,
  context: StageContext,
): Promise<{ readonly result: StageResult; readonly outputs: StageOutputs }> {
  const { settings: worker, cache, locateModel, signal, send, work, place, finished, gpu } = context;
  const log = (line: string): void => send({ kind: "log", line });
  const located = await locateModel(stage, { cacheFolder: worker.cacheFolder, onNote: log, signal });
  const settings = {
    ...predictDefaults(),
    useTestTimeAugmentation: stage.usesTta,
    device: worker.device,
    threads: worker.threads,
    bValue: stage.bValue,
  };
  const { loaded, runner, listen } = await cache.open(stage.modelId, located, {
    settings,
    gpu: gpu?.id ?? null,
  });
  const { request, outputs } = await stageRequest(stage, { work, loaded, finished });
  await checkOutputs([request], "overwrite");
  listen(progressOf(context, log));
  const [report] = await runner.segment([request], { existing: "overwrite", signal, settings });
  const { error } = report!;
  if (error !== undefined) throw caseFailure(error);
  send({ kind: "progress", progress: whole(stage.modelId, (place + 1) / work.stages.length) });
  return { result: stageResultOf(stage, report!), outputs };
}

const whole = (stage: string, fraction: number): JobProgress => ({
  stage,
  fraction,
  done: 1,
  total: 1,
  eta_s: null,
});

function progressOf({ work, place, send }: StageContext, log: (line: string) => void) {
  const { modelId } = work.stages[place]!;
  return (event: RunEvent): void => {
    if (event.kind === "note") log(event.text);
    if (event.kind !== "windows") return;
    const { stage, done, total } = event;
    const ofStage = total === 0 ? 0 : done / total;
    send({
      kind: "progress",
      progress: {
        stage: stage === null ? modelId : `${modelId} ${stage}`,
        done,
        total,
        eta_s: null,
        fraction: (place + Math.min(ofStage, 1)) / work.stages.length,
      },
    });
  };
}

function stageResultOf({ modelId }: StageWork, report: CaseReport): StageResult {
  const labels = report.labels!.map(({ label, name, voxels, ...extent }) => ({
    label,
    name,
    voxels,
    ...extent,
  }));
  return {
    model: modelId,
    is_empty: labels.every(({ voxels }) => voxels === 0),
    labels,
    warnings: report.warnings ?? [],
    seconds: Object.fromEntries(
      Object.entries(report.seconds ?? {}).filter((pair): pair is [string, number] => pair[1] !== undefined),
    ),
    execution_provider: report.executionProvider!,
  };
}

/** Lists what a stage has written: an empty segmentation has no DICOM files. */
async function filesOf(
  { shown }: StageOutputs,
  { place, work }: { readonly place: number; readonly work: JobWork },
): Promise<readonly JobFile[]> {
  const found: JobFile[] = [];
  for (const { kind, path } of shown) {
    const info = await stat(path).catch(() => null);
    if (info !== null)
      found.push({
        name: relative(work.outputDir, path).split("\\").join("/"),
        kind,
        stage: place,
        bytes: info.size,
      });
  }
  return found;
}

/** The folder of a stage's results. */
export const stageFolder = ({ outputDir }: JobWork, { folder }: StageWork): string => join(outputDir, folder);
