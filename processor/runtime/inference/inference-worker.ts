import { parentPort } from "node:worker_threads";
import { headRanges } from "../../contract/head-ranges.js";
import { voxelCount, type Zyx } from "../../imaging/volume/axes.js";
import type { InferenceEngine } from "./engines/inference-engine.js";
import { openEngine } from "./engines/open-engine.js";
import { gaussianImportance } from "./gaussian.js";
import { monaiImportance, monaiStarts } from "./monai-windows.js";
import { LocalSink, type OutputSink } from "./output-sink.js";
import { SlabSender } from "./slab-sender.js";
import { type AccumulationThread, openAccumulationThread, ThreadedSink } from "./threaded-sink.js";
import { type StartsRule, type WindowGrid, windowGrid } from "./window-rows.js";
import { WindowRunner } from "./window-runner.js";
import { windowStarts } from "./window-starts.js";
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
  const sink = openSink(task, grid, engine);
  const runner = new WindowRunner(task, {
    patchZyx: grid.patchZyx,
    sink,
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
  const [beforeZ, beforeY, beforeX] = grid.paddingBeforeZyx;
  const rows = grid.rows.map(({ zStart, starts }) =>
    starts.map(([z, y, x]) => ({
      onVolume: [z - beforeZ, y - beforeY, x - beforeX] as const,
      onSums: [z - zStart, y - beforeY, x - beforeX] as const,
    })),
  );
  await runner.run(rows, {
    windowsDone: (done) => send({ type: "windows", done }),
    rowDone: (row) => {
      const { zStart, finalBefore } = grid.rows[row]!;
      sink.addWeights(rows[row]!.map(({ onSums }) => onSums));
      // Padding before and after the volume is not part of the output.
      const from = Math.max(zStart, beforeZ);
      const to = Math.min(finalBefore, beforeZ + task.sizeZyx[0]);
      if (to > from) sink.finish(from - zStart, to - zStart, from - beforeZ);
      sink.advance(finalBefore - zStart);
    },
  });
  sink.settle();
  send({ type: "done" });
}

function openSink(task: PredictTask, grid: WindowGrid, engine: InferenceEngine): OutputSink {
  const { patchZyx, rows } = grid;
  const isWeighted = windowCount(grid) > 1 || task.plan.gaussianForSingleWindow;
  const depth = Math.max(patchZyx[0], ...rows.map(({ zStart, zEnd }) => zEnd - zStart));
  const shape = {
    heads: task.heads,
    patchZyx,
    sizeZyx: [depth, task.sizeZyx[1], task.sizeZyx[2]] as Zyx,
    importance: isWeighted ? importanceOf(task.plan) : new Float32Array(voxelCount(patchZyx)).fill(1),
  };
  const slabs = new SlabSender(task, send);
  if (engine.averaging === null) return new LocalSink(shape, slabs);
  if (accumulation.length === 0) accumulation = headRanges(task.heads).map(openAccumulationThread);
  return new ThreadedSink(accumulation, shape, { slabs, control: task.control });
}

function importanceOf({ patchSize, averaging, nvidia, monai }: PredictTask["plan"]): Float32Array {
  const rules = nvidia ?? monai;
  if (rules !== undefined) return monaiImportance(patchSize, rules.blend);
  return gaussianImportance(patchSize, averaging === "logits" ? "half" : "single");
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

const windowCount = ({ rows }: WindowGrid): number =>
  rows.reduce((sum, { starts }) => sum + starts.length, 0);
