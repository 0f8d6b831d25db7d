import type { NetworkBuilder } from "../network-builder.js";
import type { NetworkDescription } from "../network-description.js";
import { stackedConvolutions } from "./convolution-block.js";

/**
 * nnU-Net's UNetDecoder, deepest stage first: upsample by transposed convolution, put the upsampled features before
 * the skip's, convolve. Stage s takes the kernel of the encoder stage whose skip it joins.
 *
 * @param skips outputs of the encoder's stages, shallowest first; the last is the bottleneck
 * @returns the logits of the last (full-resolution) head
 */
export function unetDecoder(
  context: { builder: NetworkBuilder; network: NetworkDescription },
  skips: readonly string[],
): string {
  const { builder, network } = context;
  const stages = network.features.length;
  let x = skips[stages - 1]!;
  for (let s = 0; s < stages - 1; s++) {
    const below = stages - 1 - s;
    const skip = below - 1;
    const upsampled = builder.transposedConvolution(x, `decoder.transpconvs.${s}`, {
      inputChannels: network.features[below]!,
      outputChannels: network.features[skip]!,
      stride: network.strides[below]!,
      hasBias: network.hasConvolutionBias,
    });
    x = stackedConvolutions(context, builder.concatenate([upsampled, skips[skip]!]), {
      name: `decoder.stages.${s}`,
      count: network.decoderConvolutions[s]!,
      inputChannels: 2 * network.features[skip]!,
      outputChannels: network.features[skip]!,
      kernel: network.kernels[skip]!,
      stride: network.kernels[skip]!.map(() => 1),
    });
  }
  const ones = Array.from({ length: network.dimensions }, () => 1);
  return builder.convolution(x, `decoder.seg_layers.${stages - 2}`, {
    inputChannels: network.features[0]!,
    outputChannels: network.outputChannels,
    kernel: ones,
    stride: ones,
    hasBias: true,
  });
}

/**
 * Tensors that a v2 checkpoint holds twice or only for training: the copy of the encoder inside the decoder, every
 * block again as `all_modules`, the heads of deep supervision, BatchNorm's counter.
 */
export function isKnownExtra(name: string, stages: number): boolean {
  if (name.startsWith("decoder.encoder.") || name.includes(".all_modules.")) return true;
  if (name.endsWith(".num_batches_tracked")) return true;
  const head = /^decoder\.seg_layers\.(\d+)\./.exec(name)?.[1];
  return head !== undefined && Number(head) < stages - 2;
}
