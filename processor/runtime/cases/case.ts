import type { Extent } from "../../imaging/volume/extent.js";
import type { RuntimeErrorCode } from "../errors.js";
import type { StepReport } from "../postprocess/remove-components.js";

/** One case to segment: what the entries hand to `runCases`. */
export interface CaseRequest {
  readonly name: string;
  /** One for each channel in the network's order, or one that holds all of them. */
  readonly inputs: readonly ImageInput[];
  /** The segmentation of a cascade's earlier stage, on the image's own grid; null for none. */
  readonly previousStage: ImageInput | null;
  /** What to write. Reports and hooks name the first one. */
  readonly outputs: readonly [CaseOutput, ...CaseOutput[]];
}

/** Where an image comes from. */
export type ImageInput = ImageFile;

export interface ImageFile {
  readonly kind: "file";
  readonly path: string;
}

export const imageFile = (path: string): ImageFile => ({ kind: "file", path });

/** Returns what messages call an input. */
export const placeOf = ({ path }: ImageInput): string => path;

/** One thing to write about a case: a segmentation, or the probabilities that it was made from. */
export type CaseOutput =
  | { readonly kind: "label-map"; readonly path: string }
  | { readonly kind: "probabilities"; readonly path: string };

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
