import type { ProgressTask } from "../../processor/contract/progress/progress.js";
import type { RunSettings } from "../../processor/contract/run-settings.js";
import type { Zyx } from "../../processor/imaging/volume/axes.js";
import type { CaseVolume } from "../../processor/imaging/volume/case-volume.js";
import { type Geometry, identityDirection } from "../../processor/imaging/volume/geometry.js";
import { windowShape } from "../../processor/runtime/inference/network-set.js";
import { openNetworks } from "../../processor/runtime/inference/networks.js";
import { type LoadedModel, loadModel } from "../../processor/runtime/model/load-model.js";
import type { Prepared } from "../../processor/runtime/preprocess/prepared.js";
import { preprocess } from "../../processor/runtime/preprocess/preprocess.js";
import { openPool } from "../../processor/runtime/threads/open-pool.js";
import { type Throughput, throughput } from "../ground/throughput.js";
import type { WorkContext } from "../models/work-context.js";

export interface ModelBenchmark {
  readonly mode: "predict" | "preprocess";
  /** In voxels (z, y, x); null for one patch of the network, or for preprocessing a CT of 128 × 512 × 512. */
  readonly sizeZyx: Zyx | null;
  /** In mm (z, y, x), for preprocessing. */
  readonly spacingMmZyx: Zyx;
  readonly steps: number;
  /** Steps before the measured ones. */
  readonly warmUp: number;
  readonly settings: Pick<RunSettings, "device" | "precision" | "inferenceEngine" | "threads">;
}

export interface ModelBenchmarkReport {
  readonly sizeZyx: Zyx;
  /** What computed the network; null for preprocessing. */
  readonly executionProvider: string | null;
  readonly fields: Throughput;
}

/** Times the network, or the preprocessing, of a folder that `convert` wrote, on images that are made up. */
export async function benchmarkModel(
  folder: string,
  benchmark: ModelBenchmark,
  work: WorkContext,
): Promise<ModelBenchmarkReport> {
  const loaded = await loadModel(folder, null);
  return benchmark.mode === "predict"
    ? benchmarkNetwork(loaded, benchmark, work)
    : benchmarkPreprocessing(loaded, benchmark, work);
}

/** Runs the first fold without mirroring: one window for each step, if the size is that of a patch. */
async function benchmarkNetwork(
  { model, members: [member] }: LoadedModel,
  benchmark: ModelBenchmark,
  work: WorkContext,
): Promise<ModelBenchmarkReport> {
  const { device, precision, inferenceEngine, threads } = benchmark.settings;
  const [z, y, x] = [...(model.plan.dimensions === 2 ? [1] : []), ...model.plan.patchSize].slice(-3);
  const sizeZyx: Zyx = benchmark.sizeZyx ?? [z!, y!, x!];
  const networks = await openNetworks({
    onnxFiles: member.onnxFiles.slice(0, 1),
    plainOnnxFiles: member.plainOnnxFiles?.slice(0, 1) ?? null,
    gpuNetworks: member.gpuNetworks === null ? null : { ...member.gpuNetworks, folds: [0] },
    window: windowShape(model),
    device,
    precision,
    inferenceEngine,
    threads,
  });
  try {
    const channelCount = model.network.inputChannels;
    const prepared: Prepared = {
      data: syntheticCt(sizeZyx, channelCount),
      channelCount,
      sizeZyx,
      history: {
        originalGeometry: geometryOf(sizeZyx, benchmark.spacingMmZyx),
        cropBoxZyx: [
          [0, sizeZyx[0]],
          [0, sizeZyx[1]],
          [0, sizeZyx[2]],
        ],
        sizeBeforeCroppingZyx: sizeZyx,
        sizeAfterCroppingZyx: sizeZyx,
        originalSpacingMmZyx: benchmark.spacingMmZyx,
        networkSpacingMmZyx: benchmark.spacingMmZyx,
      },
    };
    const latencies = await timed(benchmark, work, async () => {
      const stream = networks.predict(prepared, {
        plan: model.plan,
        labels: model.labels,
        heads: model.network.outputChannels,
        maximumBatch: null,
        stepSize: 0.5,
        mirrorAxes: [],
        startProgress: () => silentTask,
        signal: work.signal,
      });
      for await (const _ of stream.slabs);
    });
    const fields = throughput("predict", latencies, 1);
    return { sizeZyx, executionProvider: networks.executionProvider, fields };
  } finally {
    await networks.close();
  }
}

async function benchmarkPreprocessing(
  { model }: LoadedModel,
  benchmark: ModelBenchmark,
  work: WorkContext,
): Promise<ModelBenchmarkReport> {
  const sizeZyx = benchmark.sizeZyx ?? usualCt;
  const channelCount = model.channelNames.length;
  const volume: CaseVolume = {
    channels: syntheticCt(sizeZyx, channelCount),
    channelCount,
    geometry: geometryOf(sizeZyx, benchmark.spacingMmZyx),
    source: { path: "", format: "nifti", nifti: null },
  };
  const pool = openPool();
  try {
    const options = { plan: model.plan, labels: model.labels, previousStage: null, pool, keepsVolume: true };
    const latencies = await timed(benchmark, work, async () => void (await preprocess(volume, options)));
    return { sizeZyx, executionProvider: null, fields: throughput("preprocess", latencies, 1) };
  } finally {
    await pool.close();
  }
}

/** Runs the steps, and returns how long each of the measured ones took, in ms. */
async function timed(
  { mode, steps, warmUp }: ModelBenchmark,
  { progress, signal }: WorkContext,
  step: () => Promise<void>,
): Promise<readonly number[]> {
  const task = progress.start({ label: `measuring ${mode}`, total: warmUp + steps, unit: "steps" });
  const latencies: number[] = [];
  try {
    for (let i = 0; i < warmUp + steps; i++) {
      signal.throwIfAborted();
      const start = performance.now();
      await step();
      if (i >= warmUp) latencies.push(performance.now() - start);
      task.advance(1);
    }
    return latencies;
  } finally {
    task.done();
  }
}

const usualCt: Zyx = [128, 512, 512];

const silentTask: ProgressTask = { advance: () => {}, done: () => {} };

const geometryOf = (sizeZyx: Zyx, spacingMmZyx: Zyx): Geometry => ({
  sizeZyx,
  spacingMmZyx,
  originMmXyz: [0, 0, 0],
  directionXyz: identityDirection,
  dimensions: 3,
});

/** Returns noise around the density of a body, with air at the borders: values that every step has to work on. */
function syntheticCt([slices, rows, columns]: Zyx, channels: number): Float32Array<SharedArrayBuffer> {
  const voxels = new Float32Array(new SharedArrayBuffer(channels * slices * rows * columns * 4));
  let state = 7;
  for (let i = 0; i < voxels.length; i++) {
    const [x, y] = [i % columns, Math.floor(i / columns) % rows];
    const isAir = Math.min(x, columns - x) < columns / 16 || Math.min(y, rows - y) < rows / 8;
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    voxels[i] = (isAir ? -1000 : 40) + 60 * (state / 2 ** 32);
  }
  return voxels;
}
