import { Field } from "../fields.js";
import type { Checkpoint, NetworkWeights } from "../network/checkpoint.js";
import type { TrainedFold } from "../network/trained-model.js";
import { networkWeights } from "../network-weights.js";
import { readTorchFile } from "../torch/read-torch-file.js";

/**
 * Reads the names and positions of the weights in a `checkpoint_*.pth` of nnU-Net v2, but not their values.
 */
export async function readCheckpointV2({ checkpointFile: file, range }: TrainedFold): Promise<Checkpoint> {
  const checkpoint = new Field(await readTorchFile(file, range), file);
  const mirrorAxes = checkpoint.get("inference_allowed_mirroring_axes");
  return {
    trainer: checkpoint.get("trainer_name").string(),
    configuration: checkpoint.get("init_args").get("configuration").string(),
    // Trainers without mirroring store None and very old ones store nothing. In both cases nnU-Net does not
    // mirror.
    mirrorAxes: mirrorAxes.isNull ? [] : mirrorAxes.integers(),
    weights: networkWeights(checkpoint.get("network_weights").raw, file),
  };
}

export const readWeightsV2 = async (fold: TrainedFold): Promise<NetworkWeights> =>
  (await readCheckpointV2(fold)).weights;
