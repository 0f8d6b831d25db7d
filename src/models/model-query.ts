import type { NvidiaOptions } from "../checkpoint/nvidia/nvidia-options.js";

/** Which model of a source is meant. Null accepts any, but only one model may match in the end. */
export interface ModelQuery {
  readonly taskId: number | null;
  readonly taskName: string | null;
  /** `3d_fullres`, …; the second stage of a cascade includes its first. */
  readonly configuration: string | null;
  /**
   * File name inside a fold; null for nnU-Net's final checkpoint, `checkpoint_final.pth` or
   * `model_final_checkpoint.model`.
   */
  readonly checkpointName: string | null;
  /**
   * `0` … `4`, `all`; empty for every `fold_k` with the checkpoint, and for `fold_all` if it is the only one.
   */
  readonly folds: readonly string[];
  /** What is said about a model of NVIDIA's nnU-Net; null for nothing. */
  readonly nvidia: NvidiaOptions | null;
}

/** A query with the folder, archive or address to search. */
export interface PlacedQuery extends ModelQuery {
  readonly modelDir: string;
}

/** Accepts the only model of a source. */
export const anyModel: ModelQuery = {
  taskId: null,
  taskName: null,
  configuration: null,
  checkpointName: null,
  folds: [],
  nvidia: null,
};
