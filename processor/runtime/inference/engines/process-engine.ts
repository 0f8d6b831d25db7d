import { EngineChild } from "./engine-child.js";
import type { EngineOrder, RunOrder } from "./engine-messages.js";
import type {
  AveragedWindows,
  AveragingNetwork,
  AveragingRequest,
  EngineFacts,
  InferenceEngine,
  WindowShape,
} from "./inference-engine.js";
import {
  createWindowMemory,
  meanPlaces,
  outputBytes,
  patchVoxels,
  type WindowMemory,
} from "./window-memory.js";

/** One run computes while the next waits, so that the engine never waits for this thread. */
const mostRunsInFlight = 2;
/**
 * An output of more bytes is the only one in memory if few threads compute: they need seconds for such a window, and the
 * sums that they wait for need a tenth of a second.
 */
const largeOutputBytes = 64e6;
const fewThreads = 4;

export interface ProcessEngineOptions {
  readonly order: EngineOrder;
  /** The program that computes, for messages. */
  readonly program: string;
  /** The most windows that go through a network together on a CPU. */
  readonly windowsPerRun: number;
  /** The most windows that one run ever takes. */
  readonly mostWindows: number;
  readonly holdsAllFolds: boolean;
  /** The folds of the graph that averages them; null if there is no such graph. */
  readonly averagedFolds: readonly number[] | null;
  /** False if the end of the process would free nothing that a smaller run needs. */
  readonly restartsForMemory: boolean;
}

/**
 * The folds of one model in a process of its own, which a stop ends in the middle of a window, and in which a crash of
 * native code fails one case only. Windows and outputs are in memory that both processes share, so they are not copied.
 * The process is started again if it has ended.
 */
export class ProcessEngine implements InferenceEngine {
  readonly runsInFlight: number;
  readonly #options: ProcessEngineOptions;
  readonly #memory: WindowMemory;
  #child: EngineChild | null = null;
  #runs = 0;

  /** @throws Error if memory must be shared, and cannot be */
  constructor(options: ProcessEngineOptions, createMemory = createWindowMemory) {
    this.#options = options;
    const { order, mostWindows } = options;
    this.runsInFlight = runsInFlight(options);
    this.#memory = createMemory({
      window: order.window,
      mostWindows,
      runsInFlight: this.runsInFlight,
      mustBeShared: order.engine === "openvino",
    });
  }

  get name() {
    return this.#options.order.engine;
  }

  get foldCount(): number {
    return this.#options.order.onnxFiles.length;
  }

  get windowsPerRun(): number {
    return this.#options.windowsPerRun;
  }

  get holdsAllFolds(): boolean {
    return this.#options.holdsAllFolds;
  }

  get averaging(): AveragingNetwork | null {
    const { averagedFolds } = this.#options;
    if (averagedFolds === null) return null;
    return { folds: averagedFolds, run: (request) => this.#average(request) };
  }

  open(): Promise<EngineFacts> {
    return this.#started().opened;
  }

  async run(fold: number, windows: number, fill: (input: Float32Array) => void): Promise<Float32Array> {
    const { place } = await this.#run({ windows, fold, combinations: null }, fill);
    return this.#output(place, windows);
  }

  /** On the CPU, nothing is kept for later runs that a run with fewer windows could use. */
  async freeMemory(): Promise<void> {
    if (this.#options.restartsForMemory) this.stop();
  }

  /** Ends the process, with all its memory. The next run starts it again. */
  stop(): void {
    this.#child?.end();
    this.#child = null;
  }

  async close(): Promise<void> {
    const child = this.#child;
    this.stop();
    await child?.ended;
    this.#memory.close();
  }

  async #average({ windows, fill, ...combinations }: AveragingRequest): Promise<AveragedWindows> {
    const { place, total } = await this.#run({ windows, fold: null, combinations }, fill);
    const { output } = this.#memory.order.places[place]!;
    return {
      total: total!,
      // The receiver passes them to other threads, and the next run overwrites this memory.
      means: meanPlaces(this.#window, windows).map(({ start, length }) => {
        const mean = new Uint16Array(length);
        new Uint8Array(mean.buffer).set(this.#memory.memory.bytes(output + start, 2 * length));
        return mean;
      }),
    };
  }

  async #run(order: Omit<RunOrder, "place">, fill: (input: Float32Array) => void) {
    const place = this.#runs++ % this.runsInFlight;
    const { order: memoryOrder, memory } = this.#memory;
    const { input: inputStart, output: outputStart } = memoryOrder.places[place]!;
    const length = order.windows * patchVoxels(this.#window) * this.#window.channels;
    const input = memory.floats(inputStart, length);
    fill(input);
    const done = await this.#started().run({ ...order, place }, memoryOrder.isShared ? null : input);
    if (done.output !== null) memory.bytes(outputStart, done.output.length).set(done.output);
    return { place, total: done.total };
  }

  #output(place: number, windows: number): Float32Array {
    const { output } = this.#memory.order.places[place]!;
    return this.#memory.memory.floats(output, windows * patchVoxels(this.#window) * this.#window.heads);
  }

  #started(): EngineChild {
    const { order, program } = this.#options;
    if (this.#child === null || this.#child.hasEnded)
      this.#child = new EngineChild(order, this.#memory, program);
    return this.#child;
  }

  get #window(): WindowShape {
    return this.#options.order.window;
  }
}

function runsInFlight({ order, windowsPerRun }: ProcessEngineOptions): number {
  const isOnGpu = order.engine === "onnxruntime" && order.device === "cuda";
  const isLarge = outputBytes(order.window, windowsPerRun, false) > largeOutputBytes;
  return isLarge && !isOnGpu && order.threads <= fewThreads ? 1 : mostRunsInFlight;
}
