import { parentPort } from "node:worker_threads";
import { voxelCount, type Zyx } from "../volume/axes.js";
import { type AnswerSink, LocalSink } from "./answer-sink.js";
import { FoldNetwork } from "./fold-network.js";
import { gaussianImportance } from "./gaussian.js";
import { headRanges } from "./head-ranges.js";
import { SlabSender } from "./slab-sender.js";
import { type AccumulationThread, openAccumulationThread, ThreadedSink } from "./threaded-sink.js";
import { type WindowGrid, windowGrid } from "./window-rows.js";
import { WindowRunner } from "./window-runner.js";
import { windowsPerRun } from "./windows-per-run.js";
import {
  type FromInferenceWorker,
  type PredictTask,
  type ToInferenceWorker,
  WorkerFailure,
} from "./worker-messages.js";

/** The thread that owns the sessions: `run` blocks its thread, so it must not be the main one. */
const port = parentPort!;

interface Loaded {
  readonly folds: readonly FoldNetwork[];
  readonly device: "cpu" | "cuda";
  readonly freeDeviceBytes: number | null;
  /** What memory turned out to hold. */
  mostWindows: number;
}

let loaded: Loaded | null = null;
let accumulation: readonly AccumulationThread[] = [];

port.on("message", (message: ToInferenceWorker) => {
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
  const { device, threads, freeDeviceBytes } = message;
  const folds = message.folds.map((files) => new FoldNetwork(files, { device, threads }));
  let provider: string | null = null;
  for (const fold of folds) {
    if (fold === folds[0]) provider = await fold.openProfiled();
    else await fold.open();
  }
  loaded = { folds, device, freeDeviceBytes, mostWindows: Number.POSITIVE_INFINITY };
  send({
    type: "loaded",
    executionProvider: provider ?? "CPUExecutionProvider",
    isHalfPrecision: folds.some(({ mirroringSession }) => mirroringSession !== null),
  });
}

async function predict(task: PredictTask, model: Loaded): Promise<void> {
  const { folds, device, freeDeviceBytes, mostWindows } = model;
  const grid = windowGrid(task.sizeZyx, task.plan.patchSize, task.stepSize);
  const windows = grid.rows.reduce((sum, { starts }) => sum + starts.length, 0);
  send({ type: "started", windows });
  const sink = openSink(task, grid, windows);
  const runner = new WindowRunner(task, {
    ...{ patchZyx: grid.patchZyx, sink, foldCount: folds.length, send },
    onFewer: (windowsPerRun) => {
      model.mostWindows = windowsPerRun;
    },
    windowsPerRun: windowsPerRun({
      ...{ device, freeDeviceBytes, dimensions: task.plan.dimensions },
      maximumBatch: Math.min(mostWindows, task.maximumBatch ?? Number.POSITIVE_INFINITY),
      ...{ patchVoxels: voxelCount(grid.patchZyx), rowWindows: grid.rows[0]!.starts.length },
    }),
  });
  const count = new WindowCount(folds.length);
  const [beforeZ, beforeY, beforeX] = grid.paddingBeforeZyx;
  for (const { zStart, finalBefore, starts } of grid.rows) {
    const row = starts.map(([z, y, x]) => ({
      onVolume: [z - beforeZ, y - beforeY, x - beforeX] as const,
      onSums: [z - zStart, y - beforeY, x - beforeX] as const,
    }));
    for (const fold of folds) await runner.run(fold, row, (done) => count.add(done));
    sink.addWeights(row.map(({ onSums }) => onSums));
    // Padding before and behind the volume is no part of the answer.
    const from = Math.max(zStart, beforeZ);
    const to = Math.min(finalBefore, beforeZ + task.sizeZyx[0]);
    if (to > from) sink.finish(from - zStart, to - zStart, from - beforeZ);
    sink.advance(finalBefore - zStart);
  }
  sink.settle();
  send({ type: "done" });
}

/** Tells of windows that all folds have seen. */
class WindowCount {
  private runs = 0;
  private told = 0;

  constructor(private readonly folds: number) {}

  add(runs: number): void {
    this.runs += runs;
    const done = Math.floor(this.runs / this.folds) - this.told;
    if (done === 0) return;
    this.told += done;
    send({ type: "windows", done });
  }
}

function openSink(task: PredictTask, { patchZyx, rows }: WindowGrid, windows: number): AnswerSink {
  const isWeighted = windows > 1 || task.plan.gaussianForSingleWindow;
  const depth = Math.max(patchZyx[0], ...rows.map(({ zStart, zEnd }) => zEnd - zStart));
  const shape = {
    ...{ heads: task.heads, patchZyx },
    sizeZyx: [depth, task.sizeZyx[1], task.sizeZyx[2]] as Zyx,
    importance: isWeighted
      ? gaussianImportance(task.plan.patchSize, task.plan.averaging === "logits" ? "half" : "single")
      : new Float32Array(voxelCount(patchZyx)).fill(1),
  };
  const slabs = new SlabSender(task, send);
  if (loaded!.folds.every(({ mirroringSession }) => mirroringSession === null))
    return new LocalSink(shape, slabs);
  if (accumulation.length === 0) accumulation = headRanges(task.heads).map(openAccumulationThread);
  return new ThreadedSink(accumulation, shape, { slabs, control: task.control });
}
