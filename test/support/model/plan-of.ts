import type { InferencePlan, LabelDefinition } from "../../../processor/contract/manifest.js";
import { Field } from "../../../src/checkpoint/fields.js";
import { resolveConfiguration } from "../../../src/checkpoint/nnunet-v2/configuration.js";
import { readInferencePlan } from "../../../src/checkpoint/nnunet-v2/inference-plan.js";
import { readLabels } from "../../../src/checkpoint/nnunet-v2/label-definition.js";

/** Returns the inference plan that the converter makes from plans.json and dataset.json. */
export function planOf(
  plans: object,
  dataset: object,
  configuration: string,
): { readonly plan: InferencePlan; readonly labels: LabelDefinition } {
  const plansField = new Field(plans, "plans.json");
  const datasetField = new Field(dataset, "dataset.json");
  const plan = readInferencePlan({
    plans: plansField,
    configuration: resolveConfiguration(plansField, configuration),
    dataset: datasetField,
    imageChannels: datasetField.get("channel_names").keys().length,
    mirrorAxes: [],
  });
  return { plan, labels: readLabels(datasetField).definition };
}
