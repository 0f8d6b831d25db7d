import type { TrainedFold, TrainedModel } from "../model-source/trained-model.js";
import { type BuiltNetwork, buildNetwork } from "../onnx/build-network.js";
import type { ModelDescription } from "./model-description.js";
import { describeModel, readWeights } from "./nnunet-formats.js";

/**
 * The network of one fold as a graph; no weight's values are read yet. A fold that does not fit its plans fails here,
 * before anything is written.
 *
 * @throws TENSOR_MISMATCH, ARCHITECTURE_UNKNOWN, CHECKPOINT_*
 */
export async function foldNetwork(
  { nnunetVersion }: TrainedModel,
  { network: plan, trainer }: ModelDescription,
  fold: TrainedFold,
): Promise<BuiltNetwork> {
  const weights = await readWeights(nnunetVersion, fold);
  return buildNetwork({ plan, weights, trainer, source: fold.checkpointFile });
}

/**
 * Everything about a trained model but its weights, after a look at the network of every fold: what cannot run is refused
 * here.
 *
 * @throws what `describeModel` and `foldNetwork` throw
 */
export async function describeRunnable(model: TrainedModel): Promise<ModelDescription> {
  const description = await describeModel(model);
  for (const fold of model.folds) await foldNetwork(model, description, fold);
  return description;
}
