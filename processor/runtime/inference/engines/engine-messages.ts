import type { GpuNetworks } from "../../model/load-model.js";
import type { FailureReason } from "../worker-messages.js";
import type { CpuPrecision, EngineFacts, WindowShape } from "./inference-engine.js";

/** The place of one run's input and output in the memory of windows, in bytes. */
export interface RunPlace {
  readonly input: number;
  readonly output: number;
}

/** What a process with OpenVINO needs to know to compute the folds of one model. */
export interface OpenvinoOrder {
  readonly engine: "openvino";
  /** The folder with OpenVINO's libraries. */
  readonly folder: string;
  readonly onnxFiles: readonly string[];
  readonly window: WindowShape;
  readonly threads: number;
  readonly precision: CpuPrecision;
  /** False if only one fold may be in memory at a time. */
  readonly holdsAllFolds: boolean;
}

/** What a process with ONNX Runtime needs to know to compute the folds of one model. */
export interface OnnxRuntimeOrder {
  readonly engine: "onnxruntime";
  /** The network of each fold, in float32. */
  readonly onnxFiles: readonly string[];
  /** The same folds in one graph of float16; null if there is none. */
  readonly gpuNetworks: GpuNetworks | null;
  readonly window: WindowShape;
  readonly device: "cpu" | "cuda";
  /** The variables that make CUDA use the chosen GPU; absent on a CPU. */
  readonly gpuVariables?: Readonly<Record<string, string>>;
  readonly threads: number;
  /** True if each fold keeps its memory for feature maps from one window to the next; on the CPU only. */
  readonly keepsFeatureMaps: boolean;
}

export type EngineOrder = OpenvinoOrder | OnnxRuntimeOrder;

/** The memory in which windows and outputs travel. */
export interface MemoryOrder {
  readonly regionBytes: number;
  readonly places: readonly RunPlace[];
  /** False if the processes cannot share memory, so that messages carry copies. */
  readonly isShared: boolean;
}

/** One run of windows that are in the memory at a place. */
export interface RunOrder {
  readonly windows: number;
  readonly place: number;
  /** Null for the graph that averages all folds and mirrorings itself. */
  readonly fold: number | null;
  readonly combinations: Combinations | null;
}

/** The folds and mirrorings that a graph averages. */
export interface Combinations {
  /** The fold of each combination of fold and mirroring. */
  readonly folds: readonly number[];
  /** For each axis, by its letter, the order in which each combination reads the patch, `combination × voxel`. */
  readonly orders: Readonly<Record<string, readonly number[]>>;
}

/** The messages to the process that computes. */
export type ToEngineProcess =
  | { readonly type: "open"; readonly order: EngineOrder; readonly memory: MemoryOrder }
  | {
      readonly type: "run";
      readonly run: number;
      readonly order: RunOrder;
      /** A copy of the windows; null if the memory is shared. */
      readonly input: Float32Array | null;
    };

export type FromEngineProcess =
  | { readonly type: "opened"; readonly facts: EngineFacts }
  | {
      readonly type: "done";
      readonly run: number;
      /** The sum of all outputs, if the graph computes it. */
      readonly total: number | null;
      /** A copy of the output's bytes; null if the memory is shared. */
      readonly output: Uint8Array | null;
    }
  /** @property run null if the networks did not load */
  | {
      readonly type: "failed";
      readonly run: number | null;
      /** Null for a failure that the engine describes in its own words. */
      readonly reason: FailureReason | null;
      readonly message: string;
    };

/** The file descriptor under which the process finds the shared memory; 3 is the channel of messages. */
export const regionDescriptor = 4;
