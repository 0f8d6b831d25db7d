import type { ModelDescription } from "../checkpoint/model-description.js";
import type { TrainedFold, TrainedModel } from "../checkpoint/network/trained-model.js";
import { describeModel, type FormatFacts, readWeights } from "../checkpoint/nnunet-formats.js";
import { type BuiltNetwork, buildNetwork } from "../onnx/build-network.js";

/**
 * Builds the network of one fold as a graph, without reading the values of its weights. A fold that does not
 * fit its plans fails here, before anything is written.
 *
 * @throws TENSOR_MISMATCH, ARCHITECTURE_UNKNOWN, CHECKPOINT_*
 */
export async function foldNetwork(
  model: FormatFacts,
  { network: plan, trainer }: Pick<ModelDescription, "network" | "trainer">,
  fold: TrainedFold,
): Promise<BuiltNetwork> {
  const weights = await readWeights(model, fold);
  return buildNetwork({ plan, weights, trainer, source: fold.checkpointFile });
}

/**
 * Describes a trained model without its weights. Checks the network of every fold, so a model that cannot run
 * is refused.
 *
 * @throws the errors of `describeModel` and `foldNetwork`
 */
export async function describeRunnable(model: TrainedModel): Promise<ModelDescription> {
  const description = await describeModel(model);
  for (const fold of model.folds) await foldNetwork(model, description, fold);
  return description;
}
