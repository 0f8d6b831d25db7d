import type { InferencePlan } from "../../contract/manifest.js";
import type { Zyx } from "../../imaging/volume/axes.js";
import type { GpuNetworks } from "../model/load-model.js";
import type { CpuEngineChoice } from "./engines/engine-choice.js";
import type { EngineFacts, WindowShape } from "./engines/inference-engine.js";
import type { LabelTarget } from "./label-sums.js";

/** The messages from the main thread to the thread that owns the engine. */
export type ToInferenceWorker =
  | {
      readonly type: "load";
      readonly onnxFiles: readonly string[];
      /** Null if there are none, or if they are not to be used. */
      readonly gpuNetworks: GpuNetworks | null;
      readonly window: WindowShape;
      readonly device: "cpu" | "cuda";
      /** The engine for the CPU. */
      readonly cpuEngine: CpuEngineChoice;
      readonly threads: number;
      readonly keepsFeatureMaps: boolean;
      /** The free memory of the device before anything is loaded; null if it is unknown. */
      readonly freeDeviceBytes: number | null;
      /** The variables that make CUDA use the chosen GPU. */
      readonly gpuVariables: Readonly<Record<string, string>>;
    }
  | { readonly type: "predict"; readonly task: PredictTask }
  /** Ends a run in the middle of a window, if the engine can do so. The task's control array is set before. */
  | { readonly type: "stop" }
  /** Frees what the engine holds outside of the thread, and ends the thread. */
  | { readonly type: "close" };

export interface PredictTask {
  readonly data: Float32Array<SharedArrayBuffer>;
  readonly channelCount: number;
  readonly sizeZyx: Zyx;
  readonly heads: number;
  readonly maximumBatch: number | null;
  readonly isRegionModel: boolean;
  readonly plan: Pick<
    InferencePlan,
    "patchSize" | "averaging" | "gaussianForSingleWindow" | "dimensions" | "nvidia" | "monai"
  >;
  readonly mirrorAxes: readonly number[];
  readonly stepSize: number;
  /** The label map that is written instead of sending slabs; null to send them. */
  readonly labels: LabelTarget | null;
  /**
   * At `stopIndex`, not 0 if a stop is requested; at `releasedIndex`, the number of slabs that the consumer has
   * finished with.
   */
  readonly control: Int32Array<SharedArrayBuffer>;
}

export type FromInferenceWorker =
  | ({
      readonly type: "loaded";
      readonly isHalfPrecision: boolean;
      /** What the user should know about the choice of the engine; null for nothing. */
      readonly engineNote: string | null;
    } & EngineFacts)
  | { readonly type: "started"; readonly windows: number }
  | { readonly type: "windows"; readonly done: number }
  | { readonly type: "note"; readonly line: string }
  | {
      readonly type: "slab";
      readonly zStart: number;
      readonly slices: number;
      readonly values: Float32Array<SharedArrayBuffer>;
    }
  | { readonly type: "done" }
  | {
      readonly type: "failed";
      readonly reason: FailureReason;
      readonly message: string;
    };

export type FailureReason = "device" | "engine" | "load" | "run" | "memory" | "overflow" | "stopped";

/** A failure in the inference thread, with its reason. */
export class WorkerFailure extends Error {
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

export const stopIndex = 0;
export const releasedIndex = 1;
