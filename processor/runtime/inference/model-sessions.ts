import * as ort from "onnxruntime-node";
import type { GpuNetworks } from "../model/load-model.js";
import { describeProviders, openProfiledSession } from "./provider-profile.js";
import { WorkerFailure } from "./worker-messages.js";

export interface ModelSessionsOptions {
  /** The network of each fold, in float32. */
  readonly onnxFiles: readonly string[];
  /** The same folds in one graph of float16; null if there is none. */
  readonly gpuNetworks: GpuNetworks | null;
  readonly device: "cpu" | "cuda";
  readonly threads: number;
  /** True if each fold keeps its memory for feature maps from one window to the next; on the CPU only. */
  readonly keepsFeatureMaps: boolean;
}

/** The ONNX Runtime sessions of one model. */
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

  /** The graph of all folds in float16, and the folds in it that run; null if the model runs in float32. */
  get averaging(): { readonly session: ort.InferenceSession; readonly folds: readonly number[] } | null {
    const { gpuNetworks } = this.#options;
    return this.#gpu === null ? null : { session: this.#gpu, folds: gpuNetworks!.folds };
  }

  /** Returns the session of one fold in float32. */
  async single(fold: number): Promise<ort.InferenceSession> {
    const session = this.#singles.get(fold) ?? (await this.#create(this.#options.onnxFiles[fold]!));
    this.#singles.set(fold, session);
    return session;
  }

  /**
   * Loads the networks that every window needs.
   *
   * @returns the execution provider; on a GPU, as ONNX Runtime reports it
   * @throws WorkerFailure if no part of the network runs on the device
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

  /** Frees the memory that the device keeps for later runs, because a run that was too large may have fragmented it. */
  async freeDeviceMemory(): Promise<void> {
    const { gpuNetworks, device } = this.#options;
    if (device === "cpu") return;
    for (const session of this.#singles.values()) await session.release();
    this.#singles.clear();
    await this.#gpu?.release();
    this.#gpu = gpuNetworks === null ? null : await this.#create(gpuNetworks.onnxFile);
    await this.#openFurther();
  }

  /** Loads the other folds, unless a graph of all folds exists. In that case they are loaded when float16 overflows. */
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
