import { ProcessorError } from "../../processor/errors.js";
import type { TensorShapes } from "../onnx/network-builder.js";
import type { PickleValue } from "./pickle-reader.js";
import { isTensor, type Tensor } from "./tensor.js";
import { readTorchFile } from "./torch-file.js";

/** The weights of one fold, still on disk, and what the trainer noted beside them. */
export interface TrainedNetwork {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly shapes: TensorShapes;
  /** `nnUNetTrainer`. */
  readonly trainer: string;
  /** Axes of the patch that mirroring may flip; empty when training did not mirror. */
  readonly mirrorAxes: readonly number[];
}

/** Reads the parts of a v2 checkpoint that inference needs; optimizer state is never read from disk. */
export async function readTrainedNetwork(checkpointFile: string): Promise<TrainedNetwork> {
  const { root } = await readTorchFile(checkpointFile);
  const weights = root instanceof Map ? root.get("network_weights") : undefined;
  if (!(root instanceof Map) || !(weights instanceof Map)) {
    throw new ProcessorError(
      "CHECKPOINT_UNSUPPORTED",
      `${checkpointFile} has no network_weights: no nnU-Net v2 checkpoint`,
    );
  }
  const tensors = new Map<string, Tensor>();
  for (const [name, value] of weights) {
    if (typeof name !== "string" || !isTensor(value)) continue;
    // DistributedDataParallel and torch.compile put their own names in front.
    tensors.set(name.replace(/^(?:module\.|_orig_mod\.)+/, ""), value);
  }
  return {
    tensors,
    shapes: new Map([...tensors].map(([name, { shape }]) => [name, shape])),
    trainer: String(root.get("trainer_name") ?? "nnUNetTrainer"),
    mirrorAxes: axes(root.get("inference_allowed_mirroring_axes")),
  };
}

const axes = (value: PickleValue | undefined): readonly number[] =>
  Array.isArray(value) ? value.filter((axis): axis is number => typeof axis === "number") : [];
