import type { NetworkBuilder } from "../network-builder.js";
import type { NetworkDescription } from "../network-description.js";
import { stackedConvolutions } from "./convolution-block.js";
import { unetDecoder } from "./unet-decoder.js";

/** nnU-Net v2's PlainConvUNet: stacked convolutions in every stage, the first one strided. */
export function plainConvUnet(builder: NetworkBuilder, network: NetworkDescription): string {
  const context = { builder, network };
  const skips: string[] = [];
  let x = "input";
  let channels = network.inputChannels;
  network.features.forEach((features, s) => {
    const stride = network.strides[s]!;
    const isPooled = network.pool !== "conv" && stride.some((step) => step !== 1);
    if (isPooled)
      x = network.pool === "max" ? builder.maximumPool(x, stride) : builder.averagePool(x, stride);
    x = stackedConvolutions(context, x, {
      // The pool, where there is one, is module 0 of the stage.
      name: `encoder.stages.${s}.${isPooled ? 1 : 0}`,
      count: network.encoderBlocks[s]!,
      inputChannels: channels,
      outputChannels: features,
      kernel: network.kernels[s]!,
      stride: network.pool === "conv" ? stride : stride.map(() => 1),
    });
    channels = features;
    skips.push(x);
  });
  return unetDecoder(context, skips);
}
