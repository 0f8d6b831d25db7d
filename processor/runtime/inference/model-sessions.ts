import * as ort from "onnxruntime-node";
import type { GpuNetworks } from "../model/load-model.js";
import { describeProviders, openProfiledSession } from "./provider-profile.js";
import { WorkerFailure } from "./worker-messages.js";

export interface ModelSessionsOptions {
  /** Of each fold, in float32. */
  readonly onnxFiles: readonly string[];
  /** The same folds in one graph of float16; null for none. */
  readonly gpuNetworks: GpuNetworks | null;
  readonly device: "cpu" | "cuda";
  readonly threads: number;
  /** Whether memory for feature maps stays with each fold from one window to the next, on the CPU. */
  readonly keepsFeatureMaps: boolean;
}

/** ONNX Runtime's sessions of one model. */
export class ModelSessions {
  readonly #singles = new Map<number, ort.InferenceSession>();
  #gpu: ort.InferenceSession | null = null;

  readonly #options: ModelSessionsOptions;

  constructor(options: ModelSessionsOptions) {
    this.#options = options;
  }

  get foldCount(): number {
    return this.#options.onnxFiles.length;
  }

  /** The graph of all folds in float16, and which of its folds run; null where float32 is to be used. */
  get averaging(): { readonly session: ort.InferenceSession; readonly folds: readonly number[] } | null {
    const { gpuNetworks } = this.#options;
    return this.#gpu === null ? null : { session: this.#gpu, folds: gpuNetworks!.folds };
  }

  /** One fold in float32. */
  async single(fold: number): Promise<ort.InferenceSession> {
    const session = this.#singles.get(fold) ?? (await this.#create(this.#options.onnxFiles[fold]!));
    this.#singles.set(fold, session);
    return session;
  }

  /**
   * Loads what windows go through.
   *
   * @returns what ONNX Runtime says on where it runs; on the CPU there is no choice
   * @throws WorkerFailure when nothing of it runs on the device
   */
  async open(): Promise<string> {
    const { gpuNetworks, onnxFiles, device } = this.#options;
    const file = gpuNetworks?.onnxFile ?? onnxFiles[0]!;
    const { session, provider } =
      device === "cpu"
        ? { session: await this.#create(file), provider: "CPUExecutionProvider" }
        : await this.#createProfiled(file);
    if (gpuNetworks === null) this.#singles.set(0, session);
    else this.#gpu = session;
    await this.#openFurther();
    return provider;
  }

  /** Frees what the device keeps for later runs, which too large a run may have left in pieces. */
  async freeDeviceMemory(): Promise<void> {
    const { gpuNetworks, device } = this.#options;
    if (device === "cpu") return;
    for (const session of this.#singles.values()) await session.release();
    this.#singles.clear();
    await this.#gpu?.release();
    this.#gpu = gpuNetworks === null ? null : await this.#create(gpuNetworks.onnxFile);
    await this.#openFurther();
  }

  /** Without a graph of all folds each has its own; with it they wait until float16 overflows. */
  async #openFurther(): Promise<void> {
    if (this.#options.gpuNetworks !== null) return;
    for (let fold = 0; fold < this.foldCount; fold++) await this.single(fold);
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

  /** On a device a graph that does not load is the device's fault, as far as anybody can tell. */
  readonly #failure = (error: Error): never => {
    throw this.#options.device === "cpu" ? error : new WorkerFailure("device", error.message);
  };

  get #sessionOptions(): ort.InferenceSession.SessionOptions {
    const { device, threads, keepsFeatureMaps } = this.#options;
    return {
      executionProviders: [device],
      intraOpNumThreads: threads,
      graphOptimizationLevel: "all",
      // What fails is thrown as well.
      logSeverityLevel: 4,
      // A 128³ network takes a fifth more time where every map is new memory, which the system has to clear.
      enableCpuMemArena: device === "cpu" && keepsFeatureMaps,
      enableMemPattern: false,
      extra: {
        session: {
          // Threads that wait longer without sleeping cost a shared machine up to a third of a window's time.
          intra_op: { spin_duration_us: "100" },
          // Weights would make the device's arena grow by twice their size.
          ...(device === "cuda" ? { use_device_allocator_for_initializers: "1" } : {}),
        },
      },
    };
  }
}
