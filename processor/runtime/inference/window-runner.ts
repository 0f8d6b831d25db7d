import { setImmediate } from "node:timers/promises";
import { headRanges } from "../../contract/head-ranges.js";
import { voxelCount, type Zyx } from "../../imaging/volume/axes.js";
import type {
  AveragedWindows,
  AveragingNetwork,
  AveragingRequest,
  InferenceEngine,
} from "./engines/inference-engine.js";
import { mayRunWithFewerWindows, mentionsMemory } from "./memory-failure.js";
import { type Flip, mirrorings, unflipped } from "./mirrorings.js";
import { sigmoid, softmax } from "./nonlinearities.js";
import type { OutputSink } from "./output-sink.js";
import { cutWindow } from "./window-copy.js";
import { type Pass, PassQueue, type RowPasses, sameFlip, type Window } from "./window-passes.js";
import { type FromInferenceWorker, type PredictTask, stopIndex, WorkerFailure } from "./worker-messages.js";

export interface WindowRunnerOptions {
  readonly patchZyx: Zyx;
  readonly sink: Pick<OutputSink, "add">;
  /** The most windows that go through a network together. */
  readonly windowsPerRun: number;
  /**
   * True if every run takes the same number of windows, so that the last window is repeated if fewer are left. ONNX
   * Runtime keeps cuDNN's plans of convolutions for the last shape only, and makes all of them again for another shape.
   */
  readonly fillsRuns: boolean;
  readonly engine: InferenceEngine;
  /** Called with the new number if a run has too many windows for the device. */
  readonly onFewer: (windowsPerRun: number) => void;
  readonly send: (message: FromInferenceWorker) => void;
}

/** A run that was started and has not been added up yet. */
interface StartedRun<T> {
  readonly of: RowPasses;
  readonly output: Promise<T>;
}

export interface RowsListener {
  /** Called when further windows have passed through all folds and mirrorings. */
  readonly windowsDone: (windows: number) => void;
  /** Called after the last output of a row was added, and before the first one of the next row is. */
  readonly rowDone: (row: number) => void;
}

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
   * Runs the windows of all rows through all folds. If memory is too small for that many windows at once, fewer are run
   * together.
   */
  async run(rows: readonly (readonly Window[])[], on: RowsListener): Promise<void> {
    const { averaging } = this.#options.engine;
    return averaging === null ? this.#runInFloat32(rows, on) : this.#runInFloat16(averaging, rows, on);
  }

  /** Runs the graph that averages folds and mirrorings itself. It computes while this thread cuts the next windows. */
  async #runInFloat16(
    averaging: AveragingNetwork,
    rows: readonly (readonly Window[])[],
    on: RowsListener,
  ): Promise<void> {
    const { sink } = this.#options;
    const queue = new PassQueue(rows, { flips: [unflipped], folds: 1, together: ({ length }) => length });
    const started: StartedRun<AveragedWindows>[] = [];
    try {
      for (;;) {
        this.#startRuns(queue, started, (passes) => this.#average(averaging, passes));
        const [first] = started;
        if (first === undefined) return;
        const { passes, row, isLastOfRow } = first.of;
        const size = this.#sizeOfRun(passes.length);
        const outputs = await this.#unlessTooMany(size, () => first.output);
        if (outputs === null) {
          await this.#putBack(queue, started);
          continue;
        }
        started.shift();
        const windows = passes.map(({ window }) => window);
        if (Number.isFinite(outputs.total)) {
          const cornersZyx = windows.map(({ onSums }) => onSums);
          headRanges(this.#task.heads).forEach((range, group) => {
            const all = outputs.means[group]!;
            const values = all.subarray(0, (all.length / size) * windows.length);
            sink.add({ values, flip: unflipped, share: 1, cornersZyx }, range);
          });
        } else {
          this.#noteOverflow();
          await Promise.allSettled(started.map(({ output }) => output));
          await this.#runInFloat32([windows], { windowsDone: () => {}, rowDone: () => {} });
        }
        on.windowsDone(windows.length);
        if (isLastOfRow) on.rowDone(row);
      }
    } finally {
      await Promise.allSettled(started.map(({ output }) => output));
    }
  }

  #average(averaging: AveragingNetwork, passes: readonly Pass[]): Promise<AveragedWindows> {
    this.#stopIfRequested();
    return averaging.run({
      ...this.#combinations(averaging.folds),
      windows: this.#sizeOfRun(passes.length),
      fill: (input) => this.#cut(passes, input),
    });
  }

  /** Starts as many runs as the engine takes. */
  #startRuns<T>(
    queue: PassQueue,
    started: StartedRun<T>[],
    start: (passes: readonly Pass[]) => Promise<T>,
  ): void {
    while (started.length < this.#options.engine.runsInFlight) {
      const of = queue.take(this.#windowsPerRun);
      if (of === null) return;
      started.push({ of, output: start(of.passes) });
    }
  }

  /** Waits until the runs that were started have ended, and puts their windows back. */
  async #putBack<T>(queue: PassQueue, started: StartedRun<T>[]): Promise<void> {
    await Promise.allSettled(started.map(({ output }) => output));
    queue.putBack(started[0]!.of);
    started.length = 0;
  }

  #noteOverflow(): void {
    const line = "float16 overflowed in a window; such windows are run in float32";
    if (!this.#hasOverflowed) this.#options.send({ type: "note", line });
    this.#hasOverflowed = true;
  }

  /**
   * Starts as many runs as the engine takes, so that it computes while this thread cuts and adds up windows, and finishes
   * rows. Outputs are added in the order of their runs, so that the sums have the same bits every time.
   */
  async #runInFloat32(rows: readonly (readonly Window[])[], on: RowsListener): Promise<void> {
    const { engine } = this.#options;
    const queue = new PassQueue(rows, {
      flips: this.#flips,
      folds: engine.foldCount,
      together: (windows) => (engine.holdsAllFolds ? this.#windowsPerRun : windows.length),
    });
    const started: StartedRun<Float32Array>[] = [];
    try {
      for (;;) {
        this.#startRuns(queue, started, (passes) => this.#start(passes));
        const [first] = started;
        if (first === undefined) return;
        const { passes, row, isLastOfRow } = first.of;
        const size = this.#sizeOfRun(passes.length);
        const output = await this.#unlessTooMany(size, () => first.output);
        if (output === null) {
          await this.#putBack(queue, started);
          continue;
        }
        this.#add(passes, output.subarray(0, (output.length / size) * passes.length));
        started.shift();
        // The next run computes while windows and rows are finished; its order leaves this thread in the next turn.
        this.#startRuns(queue, started, (next) => this.#start(next));
        await setImmediate();
        const completed = passes.filter(({ isLastOfWindow }) => isLastOfWindow).length;
        if (completed > 0) on.windowsDone(completed);
        if (isLastOfRow) on.rowDone(row);
      }
    } finally {
      await Promise.allSettled(started.map((run) => run.output));
    }
  }

  #start(passes: readonly Pass[]): Promise<Float32Array> {
    this.#stopIfRequested();
    return this.#options.engine.run(passes[0]!.fold, this.#sizeOfRun(passes.length), (input) =>
      this.#cut(passes, input),
    );
  }

  #add(passes: readonly Pass[], values: Float32Array): void {
    const { engine, sink } = this.#options;
    const share = 1 / (engine.foldCount * this.#flips.length);
    const perWindow = values.length / passes.length;
    this.#checkAndNormalize(values);
    for (const { from, to, flip } of sameFlip(passes)) {
      const cornersZyx = passes.slice(from, to).map(({ window }) => window.onSums);
      sink.add({ values: values.subarray(from * perWindow, to * perWindow), flip, share, cornersZyx }, null);
    }
  }

  /** @returns null if there were too many windows; the next run has half as many */
  async #unlessTooMany<T>(windows: number, run: () => Promise<T>): Promise<T | null> {
    this.#stopIfRequested();
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof Error) || !mayRunWithFewerWindows(error.message)) throw error;
      const isMemory = mentionsMemory(error.message);
      await this.#options.engine.freeMemory();
      if (windows === 1) throw isMemory ? new WorkerFailure("memory", error.message) : error;
      this.#windowsPerRun = Math.ceil(windows / 2);
      this.#options.onFewer(this.#windowsPerRun);
      const what = isMemory ? "memory is too small for" : "cuDNN cannot run";
      const line = `${what} ${windows} windows at once; from here on, ${this.#windowsPerRun} are run together`;
      this.#options.send({ type: "note", line });
      return null;
    }
  }

  #stopIfRequested(): void {
    if (Atomics.load(this.#task.control, stopIndex) !== 0) throw new WorkerFailure("stopped", "stopped");
  }

  #sizeOfRun(windows: number): number {
    return this.#options.fillsRuns ? this.#windowsPerRun : windows;
  }

  get #voxelsPerInput(): number {
    return this.#task.channelCount * this.#patchVoxels;
  }

  /** Fills the input with windows; if it has room for more, with copies of the last one. */
  #cut(passes: readonly Pick<Pass, "window" | "flip">[], input: Float32Array): void {
    const { data, sizeZyx, channelCount } = this.#task;
    const { patchZyx } = this.#options;
    const perWindow = this.#voxelsPerInput;
    passes.forEach(({ window: { onVolume: cornerZyx }, flip }, i) => {
      const window = input.subarray(i * perWindow, (i + 1) * perWindow);
      cutWindow({ volume: data, sizeZyx, channelCount, cornerZyx, patchZyx, flip, window });
    });
    const last = (passes.length - 1) * perWindow;
    for (let at = passes.length * perWindow; at < input.length; at += perWindow)
      input.copyWithin(at, last, last + perWindow);
  }

  /**
   * Returns the inputs that describe each combination of fold and mirroring: the fold, and the order in which it reads
   * each axis of the patch.
   */
  #combinations(folds: readonly number[]): Pick<AveragingRequest, "folds" | "orders"> {
    const { patchZyx } = this.#options;
    const runs = folds.flatMap((fold) => this.#flips.map((flip) => ({ fold, flip })));
    const axes = ([0, 1, 2] as const).slice(3 - this.#task.plan.dimensions);
    const orders = axes.map((axis) => {
      const size = patchZyx[axis];
      const order = Array.from({ length: runs.length * size }, (_, i) => {
        const place = i % size;
        return runs[Math.floor(i / size)]!.flip[axis] ? size - 1 - place : place;
      });
      return ["zyx"[axis]!, order] as const;
    });
    return {
      folds: runs.map(({ fold }) => fold),
      orders: Object.fromEntries(orders),
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
