/** The programs that compute networks, as a user names them. */
export type EngineName = "onnxruntime" | "openvino";

/** The number formats in which a CPU computes. */
export type CpuPrecision = "float32" | "bfloat16";

/** The sizes of one window and of the network's answer to it. */
export interface WindowShape {
  readonly channels: number;
  readonly heads: number;
  /** Two or three entries, slowest axis first. */
  readonly patchSize: readonly number[];
}

/**
 * The folds of one model, loaded by one program that computes networks. Folds are counted from 0. An engine belongs to
 * one thread.
 */
export interface InferenceEngine {
  readonly name: EngineName;
  readonly foldCount: number;
  /** The most runs that may be started before the first of them has returned. */
  readonly runsInFlight: number;
  /** The most windows that go through a network together on a CPU; more would save no time. */
  readonly windowsPerRun: number;
  /** False if a change from one fold to another takes time, because only one is in memory. */
  readonly holdsAllFolds: boolean;
  /** The graph of all folds that averages them itself; null if each fold runs alone. */
  readonly averaging: AveragingNetwork | null;
  /**
   * Loads the networks that every window needs.
   *
   * @throws WorkerFailure if no part of the network runs on the device
   */
  open(): Promise<EngineFacts>;
  /**
   * Computes one fold in float32.
   *
   * @param windows the number of windows that go through the network together
   * @param fill writes the windows, `window × channel × patch`; it is called once, before this method returns
   * @returns `window × head × patch`, valid until `runsInFlight` further runs have been started
   */
  run(fold: number, windows: number, fill: (input: Float32Array) => void): Promise<Float32Array>;
  /** Frees memory for a run with fewer windows, after a run for which memory did not suffice. */
  freeMemory(): Promise<void>;
  /** Ends the runs that have been started, if the engine can do so before they are complete. They reject. */
  stop(): void;
  close(): Promise<void>;
}

/** What a report says about an engine that has loaded a network. */
export interface EngineFacts {
  /** What runs the network: an execution provider of ONNX Runtime, or a plug-in of OpenVINO. */
  readonly executionProvider: string;
  /** The name and version of the program, as in `ONNX Runtime 1.30.0`. */
  readonly program: string;
}

/** A graph that computes folds and mirrorings in float16 and returns their means. */
export interface AveragingNetwork {
  /** The folds that run. */
  readonly folds: readonly number[];
  run(request: AveragingRequest): Promise<AveragedWindows>;
}

export interface AveragingRequest {
  /** The number of windows that go through the network together. */
  readonly windows: number;
  /** Writes the windows, `window × channel × patch`; it is called once, before the run starts. */
  readonly fill: (input: Float32Array) => void;
  /** The fold of each combination of fold and mirroring. */
  readonly folds: readonly number[];
  /** For each axis, by its letter, the order in which each combination reads the patch, `combination × voxel`. */
  readonly orders: Readonly<Record<string, readonly number[]>>;
}

export interface AveragedWindows {
  /** Not finite if float16 overflowed. */
  readonly total: number;
  /** The bits of float16 numbers, `window × head × patch`, for each group of heads. */
  readonly means: readonly Uint16Array[];
}
