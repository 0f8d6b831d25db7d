import { Field } from "../fields.js";
import type { NetworkWeights } from "../network/checkpoint.js";
import type { TrainedFold } from "../network/trained-model.js";
import { networkWeights } from "../network-weights.js";
import { readTorchFile } from "../torch/read-torch-file.js";

/** Reads the names and positions of the weights in a `.model` file of nnU-Net v1. */
export async function readWeightsV1({ checkpointFile: file, range }: TrainedFold): Promise<NetworkWeights> {
  const checkpoint = new Field(await readTorchFile(file, range), file);
  return networkWeights(checkpoint.get("state_dict").raw, file);
}
