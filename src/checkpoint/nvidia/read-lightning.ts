import { builderError } from "../../ground/errors/builder-errors.js";
import { printable } from "../../ground/untrusted/printable.js";
import { Field } from "../fields.js";
import type { NetworkWeights, WeightTensor } from "../network/checkpoint.js";
import type { TrainedFold } from "../network/trained-model.js";
import { networkWeights } from "../network-weights.js";
import { entriesOf } from "../pickle/unread-object.js";
import { readTorchFile } from "../torch/read-torch-file.js";
import { isTensor } from "../torch/tensor.js";

/** The parts of a checkpoint of PyTorch Lightning that inference needs. */
export interface LightningCheckpoint {
  /** The options of the training's command line. */
  readonly args: Field;
  /** The network's weights, without the prefix `model.`; names of other modules stay whole. */
  readonly weights: NetworkWeights;
}

/**
 * Reads the names and positions of the weights in a checkpoint of NVIDIA's nnU-Net, and the training's options, as data.
 *
 * @throws CHECKPOINT_*, MODEL_FILE_INVALID
 */
export async function readLightning({
  checkpointFile: file,
  range,
}: TrainedFold): Promise<LightningCheckpoint> {
  const value = await readTorchFile(file, range);
  if (!isLightning(value))
    throw builderError(
      "CHECKPOINT_UNSUPPORTED",
      `${file} is not a checkpoint of PyTorch Lightning: it has no pytorch-lightning_version with state_dict and hyper_parameters`,
    );
  const checkpoint = new Field(value, file);
  const args = checkpoint.get("hyper_parameters").get("args");
  if (entriesOf(args.raw) === null)
    throw builderError(
      "CHECKPOINT_UNSUPPORTED",
      `${file} is a checkpoint of PyTorch Lightning, but not of NVIDIA's nnU-Net: its hyper_parameters have no args`,
    );
  const stateDict = checkpoint.get("state_dict").raw;
  requireOneType(stateDict, file);
  const weights = new Map<string, WeightTensor>();
  for (const [name, tensor] of networkWeights(stateDict, file))
    weights.set(name.replace(/^model\./, ""), tensor);
  return { args, weights };
}

/** Returns whether a value is a checkpoint that PyTorch Lightning saved. */
export function isLightning(value: unknown): boolean {
  const entries = entriesOf(value);
  return ["pytorch-lightning_version", "state_dict", "hyper_parameters"].every((key) => entries?.has(key));
}

/** Returns whether a value is a checkpoint of NVIDIA's nnU-Net, which keeps the options of its command line. */
export function isOfNvidia(value: unknown): boolean {
  const parameters = entriesOf(entriesOf(value)?.get("hyper_parameters"));
  return isLightning(value) && entriesOf(parameters?.get("args")) !== null;
}

/** @throws CHECKPOINT_UNSUPPORTED if the weights have several floating point types */
function requireOneType(stateDict: unknown, file: string): void {
  let first: { readonly name: string; readonly type: string } | null = null;
  for (const [key, tensor] of entriesOf(stateDict) ?? []) {
    if (!isTensor(tensor) || !/^b?float/.test(tensor.storage.elementType)) continue;
    const { elementType: type } = tensor.storage;
    first ??= { name: String(key), type };
    if (type !== first.type)
      throw builderError(
        "CHECKPOINT_UNSUPPORTED",
        `${file} mixes number formats: ${printable(first.name)} is ${first.type}, ${printable(String(key))} is ${type}`,
      );
  }
}
