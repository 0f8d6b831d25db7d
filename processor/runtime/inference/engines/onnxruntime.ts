import * as ort from "onnxruntime-node";
import { headRanges } from "../../../contract/head-ranges.js";
import type { GpuNetworks } from "../../model/load-model.js";
import { onnxRuntimeVersion } from "../onnx-runtime.js";
import { describeProviders, openProfiledSession } from "../provider-profile.js";
import { WorkerFailure } from "../worker-messages.js";
import type {
  AveragedWindows,
  AveragingNetwork,
  AveragingRequest,
  EngineFacts,
  InferenceEngine,
  WindowShape,
} from "./inference-engine.js";

export interface OnnxRuntimeOptions {
  /** The network of each fold, in float32. */
  readonly onnxFiles: readonly string[];
  /** The same folds in one graph of float16; null if there is none. */
  readonly gpuNetworks: GpuNetworks | null;
  readonly window: WindowShape;
  readonly device: "cpu" | "cuda";
  readonly threads: number;
  /** True if each fold keeps its memory for feature maps from one window to the next; on the CPU only. */
  readonly keepsFeatureMaps: boolean;
}

/** The number of 2-D windows that go together on a CPU, which gains nothing from several 3-D windows. */
const flatWindowsPerRun = 8;

/** ONNX Runtime with the folds of one model. It computes on the thread that calls it, and blocks that thread. */
export class OnnxRuntimeEngine implements InferenceEngine {
  readonly name = "onnxruntime";
  readonly runsInFlight = 1;
  readonly holdsAllFolds = true;
  readonly #singles = new Map<number, ort.InferenceSession>();
  #gpu: ort.InferenceSession | null = null;

  readonly #options: OnnxRuntimeOptions;

  constructor(options: OnnxRuntimeOptions) {
    this.#options = options;
  }

  get foldCount(): number {
    return this.#options.onnxFiles.length;
  }

  get windowsPerRun(): number {
    return this.#options.window.patchSize.length === 2 ? flatWindowsPerRun : 1;
  }

  get averaging(): AveragingNetwork | null {
    const { gpuNetworks, window } = this.#options;
    const session = this.#gpu;
    if (session === null) return null;
    return {
      folds: gpuNetworks!.folds,
      run: (request) => runAveraging(session, request, window),
    };
  }

  async open(): Promise<EngineFacts> {
    const { gpuNetworks, onnxFiles, device } = this.#options;
    const file = gpuNetworks?.onnxFile ?? onnxFiles[0]!;
    const { session, provider } =
      device === "cpu"
        ? { session: await this.#create(file), provider: "CPUExecutionProvider" }
        : await this.#createProfiled(file);
    if (gpuNetworks === null) this.#singles.set(0, session);
    else this.#gpu = session;
    await this.#openFurther();
    return { executionProvider: provider, program: `ONNX Runtime ${await onnxRuntimeVersion()}` };
  }

  async run(fold: number, windows: number, fill: (input: Float32Array) => void): Promise<Float32Array> {
    const { channels, patchSize } = this.#options.window;
    const shape = [windows, channels, ...patchSize];
    const input = new Float32Array(shape.reduce((a, b) => a * b, 1));
    fill(input);
    const session = await this.#single(fold);
    // Networks from other sources may have other names for the input and the output.
    const outputs = await session.run({ [session.inputNames[0]!]: new ort.Tensor("float32", input, shape) });
    return outputs[session.outputNames[0]!]!.data as Float32Array;
  }

  /** Frees the memory that the device keeps for later runs, because a run that was too large may have fragmented it. */
  async freeMemory(): Promise<void> {
    const { gpuNetworks, device } = this.#options;
    if (device === "cpu") return;
    await this.#release();
    this.#gpu = gpuNetworks === null ? null : await this.#create(gpuNetworks.onnxFile);
    await this.#openFurther();
  }

  /** A run cannot be ended before it is complete. */
  stop(): void {}

  close(): Promise<void> {
    return this.#release();
  }

  async #release(): Promise<void> {
    for (const session of this.#singles.values()) await session.release();
    this.#singles.clear();
    await this.#gpu?.release();
    this.#gpu = null;
  }

  /** Returns the session of one fold in float32. */
  async #single(fold: number): Promise<ort.InferenceSession> {
    const session = this.#singles.get(fold) ?? (await this.#create(this.#options.onnxFiles[fold]!));
    this.#singles.set(fold, session);
    return session;
  }

  /** Loads the other folds, unless a graph of all folds exists. In that case they are loaded when float16 overflows. */
  async #openFurther(): Promise<void> {
    if (this.#options.gpuNetworks !== null) return;
    for (let fold = 0; fold < this.foldCount; fold++) await this.#single(fold);
  }

  #create(file: string): Promise<ort.InferenceSession> {
    return ort.InferenceSession.create(file, this.#sessionOptions).catch(this.#failure);
  }

  async #createProfiled(file: string) {
    const { session, providers } = await openProfiledSession(file, this.#sessionOptions).catch(this.#failure);
    const provider = describeProviders(providers);
    if (providers["CUDAExecutionProvider"] === undefined)
      throw new WorkerFailure("device", `ONNX Runtime ran the network on ${provider}`);
    return { session, provider };
  }

  /** On a GPU, a graph that does not load counts as a failure of the device, because the cause is unknown. */
  readonly #failure = (error: Error): never => {
    throw this.#options.device === "cpu" ? error : new WorkerFailure("device", error.message);
  };

  get #sessionOptions(): ort.InferenceSession.SessionOptions {
    const { device, threads, keepsFeatureMaps } = this.#options;
    return {
      executionProviders: [device],
      intraOpNumThreads: threads,
      graphOptimizationLevel: "all",
      // ONNX Runtime need not log failures, because it throws them as well.
      logSeverityLevel: 4,
      // Without the arena, a 128³ network takes a fifth more time, because the system has to clear new memory for every
      // map.
      enableCpuMemArena: device === "cpu" && keepsFeatureMaps,
      enableMemPattern: false,
      extra: {
        session: {
          // On a shared machine, threads that wait longer without sleeping add up to a third to a window's time.
          intra_op: { spin_duration_us: "100" },
          // Otherwise, weights would make the device's arena grow by twice their size.
          ...(device === "cuda" ? { use_device_allocator_for_initializers: "1" } : {}),
        },
      },
    };
  }
}

async function runAveraging(
  session: ort.InferenceSession,
  { windows, windowsShape, folds, orders }: AveragingRequest,
  { heads }: WindowShape,
): Promise<AveragedWindows> {
  const outputs = await session.run({
    windows: new ort.Tensor("float32", windows, windowsShape),
    folds: new ort.Tensor("int64", folds, [folds.length]),
    ...Object.fromEntries(
      Object.entries(orders).map(([axis, order]) => [
        `orders_${axis}`,
        new ort.Tensor("int64", order, [folds.length, order.length / folds.length]),
      ]),
    ),
  });
  return {
    total: (outputs["total"]!.data as Float32Array)[0]!,
    means: headRanges(heads).map((_, group) => halfFloatBits(outputs[`mean_${group}`]!.data)),
  };
}

/**
 * Returns the bits of float16 numbers. Newer versions of Node have an array type for such numbers; in older versions
 * they are bits already.
 */
const halfFloatBits = (data: ort.Tensor.DataType): Uint16Array => {
  const { buffer, byteOffset, length } = data as Uint16Array;
  return new Uint16Array(buffer, byteOffset, length);
};
