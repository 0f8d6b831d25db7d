import type { InferencePlan, LabelDefinition } from "../../processor/contract/manifest.js";
import type { NetworkPlan } from "../network/network-plan.js";

/** What plans, dataset and trainer say about a model, whatever its network is made of. */
export interface TrainingFacts {
  /** The trainer's class. */
  readonly trainer: string;
  readonly plansName: string;
  /** As the checkpoint says; the folder may have been renamed. */
  readonly configuration: string;
  /** Of the images, in the network's order. */
  readonly channelNames: readonly string[];
  readonly labels: LabelDefinition;
  readonly plan: InferencePlan;
  /** The configuration whose segmentation is a further input; null unless this is a cascade's second stage. */
  readonly previousStage: string | null;
  /** Files of the model folder that go into the converted folder as they are. */
  readonly companionFiles: readonly string[];
}

/** Everything about a trained model but its weights, read and checked. */
export interface ModelDescription extends TrainingFacts {
  readonly network: NetworkPlan;
}
