import { parentPort } from "node:worker_threads";
import { headRanges } from "../../contract/head-ranges.js";
import { voxelCount } from "../../imaging/volume/axes.js";
import type { InferenceEngine } from "./engines/inference-engine.js";
import { openEngine } from "./engines/open-engine.js";
import { monaiStarts } from "./monai-windows.js";
import { LocalSink, type OutputSink } from "./output-sink.js";
import { SlabSender } from "./slab-sender.js";
import { type AccumulationThread, openAccumulationThread, ThreadedSink } from "./threaded-sink.js";
import { labelOutput, slabOutput } from "./window-output.js";
import { type StartsRule, windowCount, windowGrid } from "./window-rows.js";
import { WindowRunner } from "./window-runner.js";
import { windowStarts } from "./window-starts.js";
import type { SumsShape } from "./window-sums.js";
import { windowsPerRun } from "./windows-per-run.js";
import {
  type FromInferenceWorker,
  type PredictTask,
  type ToInferenceWorker,
  WorkerFailure,
} from "./worker-messages.js";

/** The thread that cuts windows, gives them to the engine, and sums its answers, while the main thread exports. */
const port = parentPort!;

interface Loaded {
  readonly engine: InferenceEngine;
  readonly device: "cpu" | "cuda";
  readonly freeDeviceBytes: number | null;
  /** The most windows at once for which memory was sufficient so far. */
  mostWindows: number;
}

let loaded: Loaded | null = null;
let accumulation: readonly AccumulationThread[] = [];

port.on("message", (message: ToInferenceWorker) => {
  if (message.type === "stop") {
    loaded?.engine.stop();
    return;
  }
  if (message.type === "close") {
    const closed = loaded?.engine.close() ?? Promise.resolve();
    closed.finally(() => process.exit()); // which ends this thread only
    return;
  }
  const work = message.type === "load" ? load(message) : predict(message.task, loaded!);
  work.catch((error: Error) => {
    const reason = error instanceof WorkerFailure ? error.reason : message.type === "load" ? "load" : "run";
    send({ type: "failed", reason, message: error.message });
  });
});

function send(message: FromInferenceWorker): void {
  port.postMessage(message);
}

async function load(message: Extract<ToInferenceWorker, { type: "load" }>): Promise<void> {
  const { device, freeDeviceBytes } = message;
  const choice = device === "cpu" ? message.cpuEngine : ({ engine: "onnxruntime" } as const);
  const { engine, facts, note } = await openEngine(choice, message);
  loaded = { engine, device, freeDeviceBytes, mostWindows: Number.POSITIVE_INFINITY };
  send({ type: "loaded", ...facts, isHalfPrecision: engine.averaging !== null, engineNote: note });
}

async function predict(task: PredictTask, model: Loaded): Promise<void> {
  const { engine, device, freeDeviceBytes, mostWindows } = model;
  const grid = windowGrid(task.sizeZyx, task.plan.patchSize, startsRule(task));
  send({ type: "started", windows: windowCount(grid) });
  const output = task.labels === null ? slabOutput(task, grid, openSink) : labelOutput(task, grid);
  const runner = new WindowRunner(task, {
    patchZyx: grid.patchZyx,
    sink: output,
    engine,
    send,
    fillsRuns: device === "cuda",
    onFewer: (windowsPerRun) => {
      model.mostWindows = windowsPerRun;
    },
    windowsPerRun: windowsPerRun({
      device,
      freeDeviceBytes,
      windowsOnCpu: engine.windowsPerRun,
      heads: task.heads,
      maximumBatch: Math.min(mostWindows, task.maximumBatch ?? Number.POSITIVE_INFINITY),
      patchVoxels: voxelCount(grid.patchZyx),
      rowWindows: grid.rows[0]!.starts.length,
    }),
  });
  await runner.run(output.rows, {
    windowsDone: (done) => {
      output.windowsDone(done);
      send({ type: "windows", done });
    },
    rowDone: (row) => output.rowDone(row),
  });
  output.settle();
  send({ type: "done" });

  function openSink(shape: SumsShape): OutputSink {
    const slabs = new SlabSender(task, send);
    if (engine.averaging === null) return new LocalSink(shape, slabs);
    if (accumulation.length === 0) accumulation = headRanges(task.heads).map(openAccumulationThread);
    return new ThreadedSink(accumulation, shape, { slabs, control: task.control });
  }
}

/** Returns the rule by which windows start along an axis: NVIDIA's nnU-Net takes MONAI's windows. */
function startsRule({ plan: { nvidia, monai }, stepSize }: PredictTask): StartsRule {
  const rules = nvidia ?? monai;
  if (rules === undefined) return (size, patch) => windowStarts(size, patch, stepSize);
  const overlap = stepSize === usualStepSize ? rules.overlap : 1 - stepSize;
  return (size, patch) => monaiStarts(size, patch, overlap);
}

/** nnU-Net's step. NVIDIA's nnU-Net and MONAI's bundles have a step of their own, which any other value replaces. */
const usualStepSize = 0.5;
