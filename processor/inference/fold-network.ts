import * as ort from "onnxruntime-node";
import { describeProviders, openProfiledSession } from "./provider-profile.js";
import { type FoldNetworkFiles, WorkerFailure } from "./worker-messages.js";

export interface SessionSettings {
  readonly device: "cpu" | "cuda";
  readonly threads: number;
}

const shrinking = { extra: { memory: { enable_memory_arena_shrinkage: "gpu:0" } } };

/** In the words of ONNX Runtime's allocators, CUDA and C++. */
export const isOutOfMemory = (error: unknown): error is Error =>
  error instanceof Error &&
  /out of memory|failed to allocate|bad_alloc|allocation failed/i.test(error.message);

/** The sessions of one fold. */
export class FoldNetwork {
  private single: ort.InferenceSession | null = null;
  private gpu: ort.InferenceSession | null = null;
  private canShrink = true;

  constructor(
    private readonly files: FoldNetworkFiles,
    private readonly settings: SessionSettings,
  ) {}

  /** Loads the graph that windows go through. */
  async open(): Promise<void> {
    this.keep(await ort.InferenceSession.create(this.file, this.options).catch(this.failure));
  }

  /**
   * Loads it and asks ONNX Runtime where it runs.
   *
   * @returns null on the CPU, which has no choice
   * @throws WorkerFailure when nothing of it runs on the device
   */
  async openProfiled(): Promise<string | null> {
    if (this.settings.device === "cpu") {
      await this.open();
      return null;
    }
    const { session, providers } = await openProfiledSession(this.file, this.options).catch(this.failure);
    const provider = describeProviders(providers);
    if (providers["CUDAExecutionProvider"] === undefined)
      throw new WorkerFailure("device", `ONNX Runtime ran the network on ${provider}`);
    this.keep(session);
    return provider;
  }

  /** The graph that averages mirrorings itself in float16; null when this fold has none. */
  get mirroringSession(): ort.InferenceSession | null {
    return this.gpu;
  }

  /** The graph in float32. */
  async singleSession(): Promise<ort.InferenceSession> {
    this.single ??= await ort.InferenceSession.create(this.files.onnxFile, this.options);
    return this.single;
  }

  /**
   * @param isLast whether another fold runs next: what this one keeps on the device for its next run is given back, so
   * that five folds take the memory of one
   */
  async run(
    session: ort.InferenceSession,
    feeds: Readonly<Record<string, ort.Tensor>>,
    isLast: boolean,
  ): Promise<ort.InferenceSession.ReturnType> {
    if (this.settings.device === "cpu" || !isLast || !this.canShrink) return session.run(feeds);
    try {
      return await session.run(feeds, shrinking);
    } catch (error) {
      if (isOutOfMemory(error)) throw error;
      // An ONNX Runtime that knows no such arena refuses before it computes.
      this.canShrink = false;
      return session.run(feeds);
    }
  }

  /** Frees what the device keeps for later runs, which too large a run may have left in pieces. */
  async freeDeviceMemory(): Promise<void> {
    if (this.settings.device === "cpu") return;
    await this.single?.release();
    await this.gpu?.release();
    this.single = null;
    this.gpu = null;
    await this.open();
  }

  private get file(): string {
    return this.files.gpuOnnxFile ?? this.files.onnxFile;
  }

  private keep(session: ort.InferenceSession): void {
    if (this.files.gpuOnnxFile === null) this.single = session;
    else this.gpu = session;
  }

  /** On a device a graph that does not load is the device's fault, as far as anybody can tell. */
  private readonly failure = (error: Error): never => {
    throw this.settings.device === "cpu" ? error : new WorkerFailure("device", error.message);
  };

  private get options(): ort.InferenceSession.SessionOptions {
    const { device, threads } = this.settings;
    return {
      executionProviders: [device],
      intraOpNumThreads: threads,
      graphOptimizationLevel: "all",
      // What fails is thrown as well.
      logSeverityLevel: 4,
      // Without the arena a 128³ network needs 1.1 GB less and is no slower.
      enableCpuMemArena: false,
      enableMemPattern: false,
      // Weights outside the device's arena, so that it can shrink.
      ...(device === "cuda" ? { extra: { session: { use_device_allocator_for_initializers: "1" } } } : {}),
    };
  }
}
