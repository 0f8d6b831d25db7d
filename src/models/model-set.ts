import type { TrainedModel } from "../network/trained-model.js";

/** What one image holds: the models whose answers are averaged. */
export interface ModelSet {
  /** At least one. */
  readonly members: readonly ModelMember[];
  /** Where the final post-processing is taken from. */
  readonly postProcessing: PostProcessingChoice;
}

export interface ModelMember {
  readonly model: TrainedModel;
  /** A cascade's earlier stage; null when there is none, or when its segmentations will come from outside. */
  readonly previousStage: TrainedModel | null;
}

/** What nnU-Net decided for these models, nothing, or what a file says. */
export type PostProcessingChoice =
  | { readonly kind: "models" }
  | { readonly kind: "none" }
  | { readonly kind: "file"; readonly file: string };
