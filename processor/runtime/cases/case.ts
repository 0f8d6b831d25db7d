import type { Extent } from "../../imaging/volume/extent.js";
import type { RuntimeErrorCode } from "../errors.js";
import type { StepReport } from "../postprocess/remove-components.js";

/** One case to segment: what the entries hand to `runCases`. */
export interface CaseRequest {
  readonly name: string;
  /** One file for each channel in the network's order, or one file that holds all of them. */
  readonly channelFiles: readonly string[];
  /** Where the segmentation goes; its ending decides the format. */
  readonly outputFile: string;
  /** The segmentation of a cascade's earlier stage, on the image's own grid. */
  readonly previousStageFile: string | null;
  /** `.npz` for `--save-probabilities`; null for none. */
  readonly probabilitiesFile: string | null;
}

/** The amount of one label in a segmentation. */
export type LabelCount = Extent & {
  readonly label: number;
  readonly name: string;
  readonly voxels: number;
};

/** What became of one case. */
export interface CaseReport {
  readonly name: string;
  readonly status: "done" | "skipped" | "failed";
  readonly outputFile: string;
  /** The ONNX Runtime execution provider that ran; absent unless done. */
  readonly executionProvider?: string;
  /** Absent for a case that was not started. */
  readonly seconds?: Readonly<Partial<Record<"read" | "preprocess" | "predict" | "write" | "total", number>>>;
  /** Absent unless done. */
  readonly labels?: readonly LabelCount[];
  /** Problems that did not stop the run, as in the log; absent when there were none. */
  readonly warnings?: readonly string[];
  /** What each step of post-processing removed; absent when there is none. */
  readonly removed?: readonly StepReport[];
  /** Present when failed. */
  readonly error?: {
    readonly code: RuntimeErrorCode | "BUG";
    readonly message: string;
    readonly help: string;
  };
}
