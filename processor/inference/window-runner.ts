import * as ort from "onnxruntime-node";
import { sigmoid, softmax } from "../postprocess/probability-slice.js";
import { voxelCount, type Zyx } from "../volume/axes.js";
import type { AnswerSink } from "./answer-sink.js";
import { type FoldNetwork, isOutOfMemory } from "./fold-network.js";
import { headRanges } from "./head-ranges.js";
import { type Flip, mirrorings } from "./mirrorings.js";
import { cutWindow } from "./window-copy.js";
import { type FromInferenceWorker, type PredictTask, stopIndex, WorkerFailure } from "./worker-messages.js";

/** One window, by its corner z y x; either may lie outside. */
export interface Window {
  readonly onVolume: Zyx;
  readonly onSums: Zyx;
}

export interface WindowRunnerOptions {
  readonly patchZyx: Zyx;
  readonly sink: AnswerSink;
  /** The most windows that go through a network together. */
  readonly windowsPerRun: number;
  readonly foldCount: number;
  /** Memory does not hold more windows at once. */
  readonly onFewer: (windowsPerRun: number) => void;
  readonly send: (message: FromInferenceWorker) => void;
}

/** Newer Nodes have an array for float16 numbers, older ones give their bits. */
const halfFloatBits = (data: ort.Tensor.DataType): Uint16Array => {
  const { buffer, byteOffset, length } = data as Uint16Array;
  return new Uint16Array(buffer, byteOffset, length);
};

const unflipped: Flip = [false, false, false];

/** Runs windows through folds and mirrorings and hands the answers on. */
export class WindowRunner {
  private readonly flips: readonly Flip[];
  private readonly patchVoxels: number;
  private windowsPerRun: number;
  private isLastOfFold = false;
  private hasOverflowed = false;

  constructor(
    private readonly task: PredictTask,
    private readonly options: WindowRunnerOptions,
  ) {
    this.flips = mirrorings(task.mirrorAxes, task.plan.dimensions);
    this.patchVoxels = voxelCount(options.patchZyx);
    this.windowsPerRun = options.windowsPerRun;
  }

  /** One fold over all windows of a row. Where memory does not hold as many at once, fewer go together. */
  async run(fold: FoldNetwork, windows: readonly Window[], onDone: (windows: number) => void): Promise<void> {
    for (let done = 0; done < windows.length; ) {
      const together = windows.slice(done, done + this.windowsPerRun);
      this.isLastOfFold = this.options.foldCount > 1 && done + together.length === windows.length;
      if (fold.mirroringSession === null) await this.runFlips(fold, together);
      else if (!(await this.tryMirrored(fold, together))) continue;
      onDone(together.length);
      done += together.length;
    }
  }

  /** @returns whether it was done; else fewer windows have to go together */
  private async tryMirrored(fold: FoldNetwork, windows: readonly Window[]): Promise<boolean> {
    const outputs = await this.unlessTooMany(fold, windows.length, () =>
      fold.run(
        fold.mirroringSession!,
        { windows: this.cut(windows, unflipped), ...this.orders() },
        this.isLastOfFold,
      ),
    );
    if (outputs === null) return false;
    const total = outputs["total"]!.data as Float32Array;
    if (!Number.isFinite(total[0])) {
      if (!this.hasOverflowed)
        this.options.send({
          type: "note",
          line: "float16 overflowed in a window: such windows run in float32",
        });
      this.hasOverflowed = true;
      await this.runFlips(fold, windows);
      return true;
    }
    headRanges(this.task.heads).forEach((range, group) => {
      const values = halfFloatBits(outputs[`mean_${group}`]!.data);
      this.options.sink.add({ values, ...this.answersTo(windows, unflipped, 1) }, range);
    });
    return true;
  }

  /** The network in float32, one mirroring after the other. */
  private async runFlips(fold: FoldNetwork, windows: readonly Window[]): Promise<void> {
    for (const flip of this.flips) {
      for (let done = 0; done < windows.length; ) {
        const together = windows.slice(done, done + this.windowsPerRun);
        const input = this.cut(together, flip);
        const outputs = await this.unlessTooMany(fold, together.length, async () => {
          const session = await fold.singleSession();
          // Networks of one's own may call input and output otherwise.
          const feeds = { [session.inputNames[0]!]: input };
          return (await fold.run(session, feeds, this.isLastOfFold))[session.outputNames[0]!]!;
        });
        if (outputs === null) continue;
        done += together.length;
        const values = outputs.data as Float32Array;
        this.checkAndNormalize(values);
        this.options.sink.add({ values, ...this.answersTo(together, flip, this.flips.length) }, null);
      }
    }
  }

  /** @returns null when memory did not suffice for so many windows at once: the next run has half as many */
  private async unlessTooMany<T>(
    fold: FoldNetwork,
    windows: number,
    run: () => Promise<T>,
  ): Promise<T | null> {
    if (Atomics.load(this.task.control, stopIndex) !== 0) throw new WorkerFailure("stopped", "stopped");
    try {
      return await run();
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      await fold.freeDeviceMemory();
      if (windows === 1) throw new WorkerFailure("memory", error.message);
      this.windowsPerRun = Math.ceil(windows / 2);
      this.options.onFewer(this.windowsPerRun);
      const line = `memory does not hold ${windows} windows at once: ${this.windowsPerRun} go together from here`;
      this.options.send({ type: "note", line });
      return null;
    }
  }

  private cut(windows: readonly Window[], flip: Flip): ort.Tensor {
    const { data, sizeZyx, channelCount, plan } = this.task;
    const { patchZyx } = this.options;
    const perWindow = channelCount * this.patchVoxels;
    const input = new Float32Array(windows.length * perWindow);
    windows.forEach(({ onVolume: cornerZyx }, i) => {
      const window = input.subarray(i * perWindow, (i + 1) * perWindow);
      cutWindow({ volume: data, sizeZyx, channelCount, cornerZyx, patchZyx, flip, window });
    });
    return new ort.Tensor("float32", input, [windows.length, channelCount, ...plan.patchSize]);
  }

  /** For each mirroring the order in which it reads each axis of the patch. */
  private orders(): Record<string, ort.Tensor> {
    const { patchZyx } = this.options;
    const axes = ([0, 1, 2] as const).slice(3 - this.task.plan.dimensions);
    return Object.fromEntries(
      axes.map((axis) => {
        const size = patchZyx[axis];
        const order = BigInt64Array.from({ length: this.flips.length * size }, (_, i) => {
          const place = i % size;
          return BigInt(this.flips[Math.floor(i / size)]![axis] ? size - 1 - place : place);
        });
        return [`orders_${"zyx"[axis]}`, new ort.Tensor("int64", order, [this.flips.length, size])];
      }),
    );
  }

  private answersTo(windows: readonly Window[], flip: Flip, flips: number) {
    const share = 1 / (flips * this.options.foldCount);
    return { cornersZyx: windows.map(({ onSums }) => onSums), flip, share };
  }

  /** Refuses overflow; v1 averages probabilities instead of logits. */
  private checkAndNormalize(values: Float32Array): void {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[i]!;
    if (!Number.isFinite(sum)) {
      throw new WorkerFailure("overflow", "the network answered with infinite values or NaN");
    }
    const { plan, isRegionModel, heads } = this.task;
    if (plan.averaging === "logits") return;
    if (isRegionModel) {
      sigmoid(values);
      return;
    }
    const perWindow = heads * this.patchVoxels;
    for (let from = 0; from < values.length; from += perWindow)
      softmax(values.subarray(from, from + perWindow), heads, this.patchVoxels);
  }
}
