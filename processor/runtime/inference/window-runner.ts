import * as ort from "onnxruntime-node";
import { headRanges } from "../../contract/head-ranges.js";
import { voxelCount, type Zyx } from "../../imaging/volume/axes.js";
import { mayRunWithFewerWindows, mentionsMemory } from "./memory-failure.js";
import { type Flip, mirrorings } from "./mirrorings.js";
import type { ModelSessions } from "./model-sessions.js";
import { sigmoid, softmax } from "./nonlinearities.js";
import type { OutputSink } from "./output-sink.js";
import { cutWindow } from "./window-copy.js";
import { type FromInferenceWorker, type PredictTask, stopIndex, WorkerFailure } from "./worker-messages.js";

/** The corners (z y x) of one window on the volume and on the sums. Either may be outside. */
export interface Window {
  readonly onVolume: Zyx;
  readonly onSums: Zyx;
}

export interface WindowRunnerOptions {
  readonly patchZyx: Zyx;
  readonly sink: OutputSink;
  /** The most windows that go through a network together. */
  readonly windowsPerRun: number;
  /**
   * True if every run takes the same number of windows, so that the last window is repeated if fewer are left. ONNX
   * Runtime keeps cuDNN's plans of convolutions for the last shape only, and makes all of them again for another shape.
   */
  readonly fillsRuns: boolean;
  readonly sessions: ModelSessions;
  /** Called with the new number if a run has too many windows for the device. */
  readonly onFewer: (windowsPerRun: number) => void;
  readonly send: (message: FromInferenceWorker) => void;
}

/**
 * Returns the bits of float16 numbers. Newer versions of Node have an array type for such numbers; in older versions
 * they are bits already.
 */
const halfFloatBits = (data: ort.Tensor.DataType): Uint16Array => {
  const { buffer, byteOffset, length } = data as Uint16Array;
  return new Uint16Array(buffer, byteOffset, length);
};

const cornersOf = (windows: readonly Window[]): readonly Zyx[] => windows.map(({ onSums }) => onSums);

const unflipped: Flip = [false, false, false];

/** Runs windows through folds and mirrorings, and passes the outputs to the sink. */
export class WindowRunner {
  readonly #flips: readonly Flip[];
  readonly #patchVoxels: number;
  #windowsPerRun: number;
  #hasOverflowed = false;

  readonly #task: PredictTask;
  readonly #options: WindowRunnerOptions;

  constructor(task: PredictTask, options: WindowRunnerOptions) {
    this.#task = task;
    this.#options = options;

    this.#flips = mirrorings(task.mirrorAxes, task.plan.dimensions);
    this.#patchVoxels = voxelCount(options.patchZyx);
    this.#windowsPerRun = options.windowsPerRun;
  }

  /**
   * Runs the windows of one row through all folds. If memory is too small for that many windows at once, fewer are run
   * together.
   */
  async run(windows: readonly Window[], onDone: (windows: number) => void): Promise<void> {
    for (let done = 0; done < windows.length; ) {
      const together = windows.slice(done, done + this.#windowsPerRun);
      if (this.#options.sessions.averaging === null) await this.#runInFloat32(together);
      else if (!(await this.#tryInFloat16(together))) continue;
      onDone(together.length);
      done += together.length;
    }
  }

  /** @returns true if the run succeeded; false if the next run must have fewer windows */
  async #tryInFloat16(windows: readonly Window[]): Promise<boolean> {
    const { sessions, sink } = this.#options;
    const { session, folds } = sessions.averaging!;
    const size = this.#sizeOfRun(windows);
    const outputs = await this.#unlessTooMany(size, () =>
      session.run({ windows: this.#cut(windows, { size, flip: unflipped }), ...this.#runs(folds) }),
    );
    if (outputs === null) return false;
    const total = outputs["total"]!.data as Float32Array;
    if (!Number.isFinite(total[0])) {
      this.#noteOverflow();
      await this.#runInFloat32(windows);
      return true;
    }
    headRanges(this.#task.heads).forEach((range, group) => {
      const all = halfFloatBits(outputs[`mean_${group}`]!.data);
      const values = all.subarray(0, (all.length / size) * windows.length);
      sink.add({ values, flip: unflipped, share: 1, cornersZyx: cornersOf(windows) }, range);
    });
    return true;
  }

  #noteOverflow(): void {
    const line = "float16 overflowed in a window; such windows are run in float32";
    if (!this.#hasOverflowed) this.#options.send({ type: "note", line });
    this.#hasOverflowed = true;
  }

  async #runInFloat32(windows: readonly Window[]): Promise<void> {
    for (let fold = 0; fold < this.#options.sessions.foldCount; fold++)
      for (const flip of this.#flips) await this.#runMirrored(windows, fold, flip);
  }

  async #runMirrored(windows: readonly Window[], fold: number, flip: Flip): Promise<void> {
    const { sessions, sink } = this.#options;
    const share = 1 / (sessions.foldCount * this.#flips.length);
    for (let done = 0; done < windows.length; ) {
      const together = windows.slice(done, done + this.#windowsPerRun);
      const size = this.#sizeOfRun(together);
      const output = await this.#unlessTooMany(size, async () => {
        const session = await sessions.single(fold);
        // Networks from other sources may have other names for the input and the output.
        const feeds = { [session.inputNames[0]!]: this.#cut(together, { size, flip }) };
        return (await session.run(feeds))[session.outputNames[0]!]!;
      });
      if (output === null) continue;
      done += together.length;
      const all = output.data as Float32Array;
      const values = all.subarray(0, (all.length / size) * together.length);
      this.#checkAndNormalize(values);
      sink.add({ values, flip, share, cornersZyx: cornersOf(together) }, null);
    }
  }

  /** @returns null if there were too many windows; the next run has half as many */
  async #unlessTooMany<T>(windows: number, run: () => Promise<T>): Promise<T | null> {
    if (Atomics.load(this.#task.control, stopIndex) !== 0) throw new WorkerFailure("stopped", "stopped");
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof Error) || !mayRunWithFewerWindows(error.message)) throw error;
      const isMemory = mentionsMemory(error.message);
      await this.#options.sessions.freeDeviceMemory();
      if (windows === 1) throw isMemory ? new WorkerFailure("memory", error.message) : error;
      this.#windowsPerRun = Math.ceil(windows / 2);
      this.#options.onFewer(this.#windowsPerRun);
      const what = isMemory ? "memory is too small for" : "cuDNN cannot run";
      const line = `${what} ${windows} windows at once; from here on, ${this.#windowsPerRun} are run together`;
      this.#options.send({ type: "note", line });
      return null;
    }
  }

  #sizeOfRun(windows: readonly Window[]): number {
    return this.#options.fillsRuns ? this.#windowsPerRun : windows.length;
  }

  #cut(
    windows: readonly Window[],
    { size, flip }: { readonly size: number; readonly flip: Flip },
  ): ort.Tensor {
    const { data, sizeZyx, channelCount, plan } = this.#task;
    const { patchZyx } = this.#options;
    const perWindow = channelCount * this.#patchVoxels;
    const input = new Float32Array(size * perWindow);
    windows.forEach(({ onVolume: cornerZyx }, i) => {
      const window = input.subarray(i * perWindow, (i + 1) * perWindow);
      cutWindow({ volume: data, sizeZyx, channelCount, cornerZyx, patchZyx, flip, window });
    });
    const last = (windows.length - 1) * perWindow;
    for (let i = windows.length; i < size; i++) input.copyWithin(i * perWindow, last, last + perWindow);
    return new ort.Tensor("float32", input, [size, channelCount, ...plan.patchSize]);
  }

  /**
   * Returns the inputs that describe each combination of fold and mirroring: the fold, and the order in which it reads
   * each axis of the patch.
   */
  #runs(folds: readonly number[]): Record<string, ort.Tensor> {
    const { patchZyx } = this.#options;
    const runs = folds.flatMap((fold) => this.#flips.map((flip) => ({ fold, flip })));
    const axes = ([0, 1, 2] as const).slice(3 - this.#task.plan.dimensions);
    const orders = axes.map((axis) => {
      const size = patchZyx[axis];
      const order = BigInt64Array.from({ length: runs.length * size }, (_, i) => {
        const place = i % size;
        return BigInt(runs[Math.floor(i / size)]!.flip[axis] ? size - 1 - place : place);
      });
      return [`orders_${"zyx"[axis]}`, new ort.Tensor("int64", order, [runs.length, size])] as const;
    });
    const foldOfRun = BigInt64Array.from(runs, ({ fold }) => BigInt(fold));
    return {
      folds: new ort.Tensor("int64", foldOfRun, [runs.length]),
      ...Object.fromEntries(orders),
    };
  }

  /** Refuses values that overflowed, and turns logits into probabilities for v1, which averages probabilities. */
  #checkAndNormalize(values: Float32Array): void {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[i]!;
    if (!Number.isFinite(sum)) {
      throw new WorkerFailure("overflow", "the network's output contains infinite values or NaN");
    }
    const { plan, isRegionModel, heads } = this.#task;
    if (plan.averaging === "logits") return;
    if (isRegionModel) {
      sigmoid(values);
      return;
    }
    const perWindow = heads * this.#patchVoxels;
    for (let from = 0; from < values.length; from += perWindow)
      softmax(values.subarray(from, from + perWindow), heads, this.#patchVoxels);
  }
}
