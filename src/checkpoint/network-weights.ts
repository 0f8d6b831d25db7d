import { builderError } from "../ground/errors/builder-errors.js";
import { shortText } from "../ground/untrusted/short-text.js";
import type { NetworkWeights, WeightTensor } from "./network/checkpoint.js";
import { entriesOf } from "./pickle/unread-object.js";
import { float32Chunks } from "./torch/read-tensor.js";
import { isReadable, isTensor } from "./torch/tensor.js";

/**
 * Returns the tensors of a state dict by module path, without the prefixes of DataParallel (`module.`) and
 * torch.compile (`_orig_mod.`).
 */
export function networkWeights(stateDict: unknown, source: string): NetworkWeights {
  const tensors = entriesOf(stateDict);
  if (tensors === null || tensors.size === 0) {
    throw builderError("CHECKPOINT_UNSUPPORTED", `${source} has no network weights`);
  }
  const weights = new Map<string, WeightTensor>();
  for (const [key, tensor] of tensors) {
    if (typeof key !== "string" || !isTensor(tensor) || !isReadable(tensor.storage.elementType)) {
      const found = isTensor(tensor) ? `a tensor of ${tensor.storage.elementType}` : shortText(tensor);
      throw builderError(
        "CHECKPOINT_UNSUPPORTED",
        `${source}: the network weight ${shortText(key)} should be a tensor of numbers, but is ${found}`,
      );
    }
    weights.set(key.replace(wrapperPrefixes, ""), {
      shape: tensor.shape,
      chunks: () => float32Chunks(tensor),
    });
  }
  return weights;
}

const wrapperPrefixes = /^(?:module\.|_orig_mod\.)+/;
