import type { NonEmpty } from "../../processor/contract/non-empty.js";
import type { TaskPlan } from "../../processor/contract/totalsegmentator-plan.js";
import type { TrainedModel } from "../checkpoint/network/trained-model.js";

/** The models of one image. */
export interface ModelSet {
  readonly members: NonEmpty<ModelMember>;
  /** How the members segment one of TotalSegmentator's tasks; null if their predictions are averaged. */
  readonly totalsegmentator: TaskPlan | null;
  /** The source of the final post-processing. */
  readonly postProcessing: PostProcessingChoice;
}

export interface ModelMember {
  readonly model: TrainedModel;
  /** A cascade's earlier stage; null if there is none, or if its segmentations are given at run time. */
  readonly previousStage: TrainedModel | null;
}

/** The post-processing that nnU-Net chose for these models, none, or that of a file. */
export type PostProcessingChoice =
  | { readonly kind: "models" }
  | { readonly kind: "none" }
  | { readonly kind: "file"; readonly file: string };
