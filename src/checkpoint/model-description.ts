import type { InferencePlan, LabelDefinition } from "../../processor/model/manifest.js";
import type { NetworkPlan } from "../onnx/network-plan.js";

/** Everything about a trained model but its weights, read and checked. */
export interface ModelDescription {
  /** The trainer's class. */
  readonly trainer: string;
  readonly plansName: string;
  /** As the checkpoint says; the folder may have been renamed. */
  readonly configuration: string;
  /** Of the images, in the network's order. */
  readonly channelNames: readonly string[];
  readonly labels: LabelDefinition;
  readonly plan: InferencePlan;
  readonly network: NetworkPlan;
  /** The configuration whose segmentation is a further input; null unless this is a cascade's second stage. */
  readonly previousStage: string | null;
  /** Files of the model folder that go into the converted folder as they are. */
  readonly companionFiles: readonly string[];
}
