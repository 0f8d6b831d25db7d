import type {
  InferencePlan,
  LabelDefinition,
  PostProcessingStep,
} from "../../processor/contract/manifest.js";
import type { NetworkPlan } from "./network/network-plan.js";

/** The facts about a model that come from its plans, dataset and trainer and do not depend on the network. */
export interface TrainingFacts {
  /** Class name of the trainer. */
  readonly trainer: string;
  readonly plansName: string;
  /** The configuration named in the checkpoint, because the folder may have been renamed. */
  readonly configuration: string;
  /** Names of the image channels in the network's order. */
  readonly channelNames: readonly string[];
  readonly labels: LabelDefinition;
  readonly plan: InferencePlan;
  /**
   * The configuration whose segmentation is an additional input; null unless this model is the second stage
   * of a cascade.
   */
  readonly previousStage: string | null;
  /** Files of the model folder that are copied to the folder of the converted model. */
  readonly companionFiles: readonly string[];
  /** The model's own post-processing on the image's grid; absent if files next to it say it. */
  readonly postProcessing?: readonly PostProcessingStep[];
  /** Where the answer differs from that of the model's own program on purpose. */
  readonly notes?: readonly string[];
}

/** The validated description of a trained model, without its weights. */
export interface ModelDescription extends TrainingFacts {
  readonly network: NetworkPlan;
}
