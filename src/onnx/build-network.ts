import { ProcessorError } from "../../processor/errors.js";
import { plainConvUnet } from "./architectures/plain-conv-unet.js";
import { residualEncoderUnet } from "./architectures/residual-encoder-unet.js";
import { isKnownExtra } from "./architectures/unet-decoder.js";
import { NetworkBuilder, type TensorShapes } from "./network-builder.js";
import type { NetworkDescription } from "./network-description.js";
import type { OnnxGraph } from "./onnx-graph.js";

type Architecture = (builder: NetworkBuilder, network: NetworkDescription) => string;

/** By class name: the module path in plans differs between nnU-Net's releases. */
const architectures: Readonly<Record<string, Architecture>> = {
  PlainConvUNet: plainConvUnet,
  ResidualEncoderUNet: residualEncoderUnet,
};

/**
 * The inference graph of a network: input `[batch, channels, ...patch]`, output `logits` of the same spatial size.
 *
 * @throws ARCHITECTURE_UNKNOWN, TENSOR_MISMATCH
 */
export function buildNetwork(network: NetworkDescription, shapes: TensorShapes): OnnxGraph {
  const architecture = architectures[network.className];
  if (architecture === undefined) {
    throw new ProcessorError(
      "ARCHITECTURE_UNKNOWN",
      `plans.json names the network ${network.className}; known are ${Object.keys(architectures).join(", ")}`,
    );
  }
  const builder = new NetworkBuilder(shapes, network.dimensions);
  return builder.finish({
    name: network.className,
    output: architecture(builder, network),
    inputChannels: network.inputChannels,
    outputChannels: network.outputChannels,
    patchSize: network.patchSize,
    isKnownExtra: (name) => isKnownExtra(name, network.features.length),
  });
}
