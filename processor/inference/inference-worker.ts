import { parentPort } from "node:worker_threads";
import * as ort from "onnxruntime-node";
import { sigmoid, softmax } from "../postprocess/probability-slice.js";
import { voxelCount, type Zyx } from "../volume/axes.js";
import { gaussianImportance } from "./gaussian.js";
import { mirrorings } from "./mirrorings.js";
import { describeProviders, openProfiledSession } from "./provider-profile.js";
import { addImportance, addWindow, cutWindow } from "./window-copy.js";
import { type WindowRow, windowGrid } from "./window-rows.js";
import {
  type FromInferenceWorker,
  type PredictTask,
  releasedIndex,
  stopIndex,
  type ToInferenceWorker,
} from "./worker-messages.js";

/** The thread that owns the sessions: `run` blocks its thread, so it must not be the main one. */
const port = parentPort!;
let sessions: readonly ort.InferenceSession[] = [];

port.on("message", (message: ToInferenceWorker) => {
  const work = message.type === "load" ? load(message) : predict(message.task);
  work.catch((error: Error) => {
    const reason = error instanceof WorkerFailure ? error.reason : message.type === "load" ? "load" : "run";
    send({ type: "failed", reason, message: error.message });
  });
});

class WorkerFailure extends Error {
  constructor(
    readonly reason: "device" | "overflow" | "stopped",
    message: string,
  ) {
    super(message);
  }
}

function send(message: FromInferenceWorker): void {
  port.postMessage(message);
}

async function load({
  onnxFiles,
  device,
  threads,
}: Extract<ToInferenceWorker, { type: "load" }>): Promise<void> {
  const options: ort.InferenceSession.SessionOptions = {
    executionProviders: [device],
    intraOpNumThreads: threads,
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
    // Without the arena a 128³ network needs 1.1 GB less and is no slower.
    enableCpuMemArena: false,
    enableMemPattern: false,
  };
  const loaded: ort.InferenceSession[] = [];
  let executionProvider = "CPUExecutionProvider"; // the only one that a session for the CPU has
  for (const file of onnxFiles) {
    if (device === "cuda" && loaded.length === 0) {
      const { session, providers } = await openProfiledSession(file, options).catch(noDevice);
      if (providers["CUDAExecutionProvider"] === undefined)
        noDevice(new Error(`ONNX Runtime ran the network on ${describeProviders(providers)}`));
      executionProvider = describeProviders(providers);
      loaded.push(session);
    } else {
      const opening = ort.InferenceSession.create(file, options);
      loaded.push(await (device === "cuda" ? opening.catch(noDevice) : opening));
    }
  }
  sessions = loaded;
  send({ type: "loaded", executionProvider });
}

function noDevice(error: Error): never {
  throw new WorkerFailure("device", error.message);
}

/** Windows of a 2-D network that go through it together. */
const flatBatch = 8;

async function predict(task: PredictTask): Promise<void> {
  const grid = windowGrid(task.sizeZyx, task.plan.patchSize, task.stepSize);
  const windows = grid.rows.reduce((sum, { starts }) => sum + starts.length, 0);
  send({ type: "started", windows });
  const window = new WindowRun(task, grid.patchZyx, windows);
  const sums = new RollingSums(task, grid.patchZyx, grid.rows);
  const batchSize = Math.min(
    task.plan.dimensions === 2 ? flatBatch : 1,
    task.maximumBatch ?? Number.POSITIVE_INFINITY,
  );
  const [beforeZ, beforeY, beforeX] = grid.paddingBeforeZyx;
  const slabs = new SlabSender(task);
  for (const row of grid.rows) {
    for (let first = 0; first < row.starts.length; first += batchSize) {
      const corners = row.starts.slice(first, first + batchSize);
      const onVolume = corners.map(([z, y, x]) => [z - beforeZ, y - beforeY, x - beforeX] as const);
      const onSums = onVolume.map(([z, y, x]) => [z + beforeZ - row.zStart, y, x] as const);
      await window.run(onVolume, onSums, sums);
    }
    // Padding before and behind the volume is no part of the answer.
    const from = Math.max(row.zStart, beforeZ);
    const to = Math.min(row.finalBefore, beforeZ + task.sizeZyx[0]);
    if (to > from) slabs.send(sums.finished(from - row.zStart, to - row.zStart), from - beforeZ);
    sums.advance(row.finalBefore - row.zStart);
  }
  await slabs.settled();
  send({ type: "done" });
}

/** Runs windows through all folds and mirrorings and adds their mean to the sums. */
class WindowRun {
  private readonly importance: Float32Array;
  private readonly flips;
  private readonly patchVoxels: number;

  constructor(
    private readonly task: PredictTask,
    private readonly patchZyx: Zyx,
    windows: number,
  ) {
    const isWeighted = windows > 1 || task.plan.gaussianForSingleWindow;
    this.patchVoxels = voxelCount(patchZyx);
    this.importance = isWeighted
      ? gaussianImportance(task.plan.patchSize, task.plan.averaging === "logits" ? "half" : "single")
      : new Float32Array(this.patchVoxels).fill(1);
    this.flips = mirrorings(task.mirrorAxes, task.plan.dimensions);
  }

  async run(onVolume: readonly Zyx[], onSums: readonly Zyx[], sums: RollingSums): Promise<void> {
    const { task, patchZyx, patchVoxels, importance } = this;
    const share = 1 / (this.flips.length * sessions.length);
    const shape = [onVolume.length, task.channelCount, ...task.plan.patchSize];
    const inputValues = task.channelCount * patchVoxels;
    const outputValues = task.heads * patchVoxels;
    for (const flip of this.flips) {
      const input = new Float32Array(onVolume.length * inputValues);
      onVolume.forEach((cornerZyx, i) => {
        const window = input.subarray(i * inputValues, (i + 1) * inputValues);
        cutWindow({
          volume: task.data,
          sizeZyx: task.sizeZyx,
          channelCount: task.channelCount,
          cornerZyx,
          patchZyx,
          flip,
          window,
        });
      });
      for (const session of sessions) {
        if (Atomics.load(task.control, stopIndex) !== 0) throw new WorkerFailure("stopped", "stopped");
        // Networks of one's own may call input and output otherwise.
        const feeds = { [session.inputNames[0]!]: new ort.Tensor("float32", input, shape) };
        const logits = (await session.run(feeds))[session.outputNames[0]!]!;
        const answers = logits.data as Float32Array;
        onSums.forEach((cornerZyx, i) => {
          const answer = answers.subarray(i * outputValues, (i + 1) * outputValues);
          this.prepare(answer);
          addWindow({
            ...sums.target,
            answer,
            heads: task.heads,
            patchZyx,
            flip,
            importance,
            share,
            cornerZyx,
          });
        });
        logits.dispose();
      }
    }
    for (const cornerZyx of onSums) {
      addImportance({ patchZyx, importance, sums: sums.weights, sumsSizeZyx: sums.sizeZyx, cornerZyx });
      send({ type: "window" });
    }
  }

  /** Refuses overflow; v1 averages probabilities instead of logits. */
  private prepare(answer: Float32Array): void {
    let sum = 0;
    for (let i = 0; i < answer.length; i++) sum += answer[i]!;
    if (!Number.isFinite(sum)) {
      throw new WorkerFailure("overflow", "the network answered with infinite values or NaN");
    }
    if (this.task.plan.averaging === "logits") return;
    if (this.task.isRegionModel) sigmoid(answer);
    else softmax(answer, this.task.heads, this.patchVoxels);
  }
}

/** Weighted sums of the slices that windows of the current row touch: as deep as the patch, not as the volume. */
class RollingSums {
  readonly sizeZyx: Zyx;
  readonly sums: Float32Array;
  readonly weights: Float32Array;

  constructor(
    private readonly task: PredictTask,
    patchZyx: Zyx,
    rows: readonly WindowRow[],
  ) {
    const depth = Math.max(patchZyx[0], ...rows.map(({ zStart, zEnd }) => zEnd - zStart));
    this.sizeZyx = [depth, task.sizeZyx[1], task.sizeZyx[2]];
    this.sums = new Float32Array(task.heads * voxelCount(this.sizeZyx));
    this.weights = new Float32Array(voxelCount(this.sizeZyx));
  }

  get target(): { readonly sums: Float32Array; readonly sumsSizeZyx: Zyx } {
    return { sums: this.sums, sumsSizeZyx: this.sizeZyx };
  }

  /** The weighted means of slices `from … to` of the current row, `slice × head × y × x`. */
  finished(from: number, to: number): Float32Array<SharedArrayBuffer> {
    const plane = this.sizeZyx[1] * this.sizeZyx[2];
    const { heads } = this.task;
    const values = new Float32Array(new SharedArrayBuffer((to - from) * heads * plane * 4));
    for (let slice = from; slice < to; slice++) {
      for (let head = 0; head < heads; head++) {
        const source = (slice * heads + head) * plane;
        const target = ((slice - from) * heads + head) * plane;
        const weights = slice * plane;
        for (let i = 0; i < plane; i++)
          values[target + i] = this.sums[source + i]! / this.weights[weights + i]!;
      }
    }
    return values;
  }

  /** Drops the first slices; those behind move up and zeros follow. */
  advance(slices: number): void {
    const plane = this.sizeZyx[1] * this.sizeZyx[2];
    this.sums.copyWithin(0, slices * this.task.heads * plane);
    this.sums.fill(0, Math.max(0, this.sums.length - slices * this.task.heads * plane));
    this.weights.copyWithin(0, slices * plane);
    this.weights.fill(0, Math.max(0, this.weights.length - slices * plane));
  }
}

/** At most this many slabs wait for the export: the next rows are predicted meanwhile. */
const slabsInFlight = 2;

class SlabSender {
  private sent = 0;

  constructor(private readonly task: PredictTask) {}

  send(values: Float32Array<SharedArrayBuffer>, zStart: number): void {
    const slices = values.length / (this.task.heads * this.task.sizeZyx[1] * this.task.sizeZyx[2]);
    send({ type: "slab", zStart, slices, values });
    this.sent++;
    this.waitFor(this.sent - slabsInFlight + 1);
  }

  async settled(): Promise<void> {
    this.waitFor(this.sent);
  }

  private waitFor(count: number): void {
    const { control } = this.task;
    for (;;) {
      const released = Atomics.load(control, releasedIndex);
      if (released >= count) return;
      if (Atomics.load(control, stopIndex) !== 0) throw new WorkerFailure("stopped", "stopped");
      Atomics.wait(control, releasedIndex, released, 500);
    }
  }
}
