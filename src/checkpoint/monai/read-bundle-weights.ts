import { builderError } from "../../ground/errors/builder-errors.js";
import type { NetworkWeights } from "../network/checkpoint.js";
import type { TrainedFold } from "../network/trained-model.js";
import { networkWeights } from "../network-weights.js";
import { ScriptModule } from "../pickle/script-module.js";
import { entriesOf } from "../pickle/unread-object.js";
import { readTorchFile } from "../torch/read-torch-file.js";
import { isTensor } from "../torch/tensor.js";

/** The keys under which training programs save the weights besides other things. */
const wrappers = ["model", "state_dict", "network", "net", "model_state_dict", "model_state"];

/**
 * Reads the names and positions of the weights in a bundle's `model.pt`: a state dict, one inside a training's checkpoint,
 * or TorchScript, of which only the tensors are read.
 *
 * @throws CHECKPOINT_*
 */
export async function readBundleWeights({
  checkpointFile: file,
  range,
}: TrainedFold): Promise<NetworkWeights> {
  const value = await readTorchFile(file, range);
  if (value instanceof ScriptModule) return networkWeights(tensorsOf(value, file), file);
  const entries = entriesOf(value);
  const inner = wrappers.find((key) => entriesOf(entries?.get(key)) !== null);
  return networkWeights(inner === undefined ? value : entries!.get(inner), file);
}

/** More modules than any network has. */
const maxModules = 100_000;

function tensorsOf(root: ScriptModule, file: string): ReadonlyMap<string, unknown> {
  const tensors = new Map<string, unknown>();
  const waiting: { readonly path: string; readonly module: ScriptModule }[] = [{ path: "", module: root }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const [name, value] of next.module.attributes) {
      const path = `${next.path}${name}`;
      if (isTensor(value)) tensors.set(path, value);
      else if (value instanceof ScriptModule) waiting.push({ path: `${path}.`, module: value });
    }
    if (tensors.size + waiting.length > maxModules || next.path.length > 1000)
      throw builderError("CHECKPOINT_REFUSED", `${file} has more modules than a network has`);
  }
  return tensors;
}
