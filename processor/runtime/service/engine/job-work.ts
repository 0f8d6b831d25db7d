import type { Xyz } from "../../../contract/axes.js";

/** What an engine does for one job: its models, one after the other. It is plain JSON, so that another machine can do it. */
export interface JobWork {
  readonly stages: readonly [StageWork, ...StageWork[]];
  /** The absolute folder of the results; each stage has a folder in it. */
  readonly outputDir: string;
  /** True to also write the results of DICOM series as DICOM. */
  readonly isDicom: boolean;
  /** Archives that are unpacked into their own folders before the first stage, and then removed. */
  readonly archives: readonly string[];
  /** The folders that inputs must be in, after symbolic links are followed. */
  readonly allowedRoots: readonly string[];
  /** The free memory that a GPU must have, in MiB. */
  readonly minMemoryMib: number;
  /** The most voxels of a scan; absent in a job of an older server, which had no limit for some kinds of scans. */
  readonly maxVoxels?: number;
}

/** One model of a job. */
export interface StageWork {
  readonly modelId: string;
  /** The folder of the trained or converted model. */
  readonly modelDir: string;
  readonly checkpointName: string;
  /** Null for all folds. */
  readonly folds: readonly string[] | null;
  /** One for each channel, or one file that holds all channels. */
  readonly inputs: readonly StageInput[];
  readonly usesTta: boolean;
  /** Null to keep every class. */
  readonly classes: readonly number[] | null;
  /** Null for a segmentation of the networks' labels; otherwise for one of candidates. */
  readonly threshold: number | null;
  readonly minConfidence: number | null;
  readonly removeSmallerThan: number | null;
  readonly reference: MaskSource | null;
  readonly minIntersection: number;
  readonly crop: MaskSource | null;
  readonly cropPaddingXyz: Xyz;
  readonly bValue: number | null;
  readonly savesProbabilities: boolean;
  readonly savesInputs: boolean;
  readonly writesStructures: boolean;
  readonly suffix: string | null;
  /** The folder of its results, relative to the job's: `stage_0`. */
  readonly folder: string;
  /** Describes the segments of DICOM results: a template, or names; null for the model's labels. */
  readonly metadata: unknown;
}

/** Where a channel comes from. */
export type StageInput =
  /** All channels: the only case in a folder. */
  | { readonly kind: "study"; readonly path: string }
  | {
      readonly kind: "path";
      readonly path: string;
      readonly label: number | null;
      readonly component: number | null;
    }
  /** The result of an earlier stage: its labels, or the probabilities of one class. */
  | {
      readonly kind: "stage";
      readonly stage: number;
      readonly label: number | null;
      readonly component: number | null;
    };

/** A mask from a file, or the segmentation of an earlier stage. */
export type MaskSource =
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "stage"; readonly stage: number; readonly labels: readonly number[] | null };
