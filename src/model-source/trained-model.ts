import type { TaskIdentity } from "../../processor/model/manifest.js";

/** A verified folder with one trained configuration. */
export interface TrainedModel {
  readonly folder: string;
  readonly nnunetVersion: 1 | 2;
  readonly task: TaskIdentity;
  /** `Dataset504_BrainTissue`. */
  readonly datasetName: string;
  /** `3d_fullres`, `2d`, … */
  readonly configuration: string;
  readonly checkpointName: string;
  /** In nnU-Net's order: 0, 1, …, `all` last. */
  readonly folds: readonly { readonly fold: string; readonly checkpointFile: string }[];
}
