import type { CpuPrecision, WindowShape } from "./inference-engine.js";

/** The place of one run's input and output in the shared memory, in bytes. */
export interface RunPlace {
  readonly input: number;
  readonly output: number;
}

/** What a process needs to know to compute the folds of one model. */
export interface EngineOrder {
  /** The folder with OpenVINO's libraries. */
  readonly folder: string;
  readonly onnxFiles: readonly string[];
  readonly window: WindowShape;
  readonly threads: number;
  readonly precision: CpuPrecision;
  /** False if only one fold may be in memory at a time. */
  readonly holdsAllFolds: boolean;
  /** The size of the shared memory. */
  readonly regionBytes: number;
  readonly places: readonly RunPlace[];
}

/** The messages to the process that computes. */
export type ToEngineProcess =
  | { readonly type: "open"; readonly order: EngineOrder }
  | {
      readonly type: "run";
      readonly run: number;
      readonly fold: number;
      readonly windows: number;
      readonly place: number;
    };

export type FromEngineProcess =
  | { readonly type: "opened"; readonly version: string }
  | { readonly type: "done"; readonly run: number }
  /** @property run null if the networks did not load */
  | { readonly type: "failed"; readonly run: number | null; readonly message: string };

/** The file descriptor under which the process finds the shared memory; 3 is the channel of messages. */
export const regionDescriptor = 4;
