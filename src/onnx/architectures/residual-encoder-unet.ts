import type { NetworkBuilder } from "../network-builder.js";
import type { NetworkDescription } from "../network-description.js";
import { convolutionBlock, stackedConvolutions } from "./convolution-block.js";
import { unetDecoder } from "./unet-decoder.js";

type Context = { readonly builder: NetworkBuilder; readonly network: NetworkDescription };

/** nnU-Net v2's ResidualEncoderUNet: a stem, stages of residual blocks (ResNet-D), the plain decoder. */
export function residualEncoderUnet(builder: NetworkBuilder, network: NetworkDescription): string {
  const context = { builder, network };
  const ones = network.kernels[0]!.map(() => 1);
  let channels = network.stemChannels ?? network.features[0]!;
  let x = stackedConvolutions(context, "input", {
    name: "encoder.stem",
    count: 1,
    inputChannels: network.inputChannels,
    outputChannels: channels,
    kernel: network.kernels[0]!,
    stride: ones,
  });
  const skips: string[] = [];
  network.features.forEach((features, s) => {
    for (let b = 0; b < network.encoderBlocks[s]!; b++) {
      x = residualBlock(context, x, {
        name: `encoder.stages.${s}.blocks.${b}`,
        inputChannels: channels,
        outputChannels: features,
        bottleneckChannels: network.bottleneckChannels?.[s] ?? null,
        kernel: network.kernels[s]!,
        stride: b === 0 ? network.strides[s]! : ones,
      });
      channels = features;
    }
    skips.push(x);
  });
  return unetDecoder(context, skips);
}

interface ResidualBlock {
  readonly name: string;
  readonly inputChannels: number;
  readonly outputChannels: number;
  /** null for BasicBlockD. */
  readonly bottleneckChannels: number | null;
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
}

function residualBlock(context: Context, input: string, block: ResidualBlock): string {
  const { builder, network } = context;
  const main =
    block.bottleneckChannels === null
      ? basicPath(context, input, block)
      : bottleneckPath(context, input, block);
  const excited = network.squeezeExcitationRatio === null ? main : squeezeExcitation(context, main, block);
  return builder.activation(
    builder.node("Add", [excited, skipPath(context, input, block)]),
    network.activation,
  );
}

function basicPath(context: Context, input: string, block: ResidualBlock): string {
  const { name, inputChannels, outputChannels, kernel, stride } = block;
  const hasBias = context.network.hasConvolutionBias;
  const first = {
    name: `${name}.conv1`,
    inputChannels,
    outputChannels,
    kernel,
    stride,
    hasBias,
    hasActivation: true,
  };
  const second = {
    ...first,
    name: `${name}.conv2`,
    inputChannels: outputChannels,
    stride: stride.map(() => 1),
    hasActivation: false,
  };
  return convolutionBlock(context, convolutionBlock(context, input, first), second);
}

/** 1×1, then the kernel with the stride, then 1×1 (the stride sits in the middle, unlike in the first ResNet). */
function bottleneckPath(context: Context, input: string, block: ResidualBlock): string {
  const { name, inputChannels, outputChannels, kernel, stride } = block;
  const hasBias = context.network.hasConvolutionBias;
  const narrow = block.bottleneckChannels!;
  const ones = kernel.map(() => 1);
  let x = convolutionBlock(context, input, {
    ...{ name: `${name}.conv1`, inputChannels, outputChannels: narrow, kernel: ones, stride: ones },
    ...{ hasBias, hasActivation: true },
  });
  x = convolutionBlock(context, x, {
    ...{ name: `${name}.conv2`, inputChannels: narrow, outputChannels: narrow, kernel, stride },
    ...{ hasBias, hasActivation: true },
  });
  return convolutionBlock(context, x, {
    ...{ name: `${name}.conv3`, inputChannels: narrow, outputChannels, kernel: ones, stride: ones },
    ...{ hasBias, hasActivation: false },
  });
}

/** Average pool where strided, then a 1×1 projection where channels differ; the projection's index follows. */
function skipPath(context: Context, input: string, block: ResidualBlock): string {
  const isStrided = block.stride.some((step) => step !== 1);
  const pooled = isStrided ? context.builder.averagePool(input, block.stride) : input;
  if (block.inputChannels === block.outputChannels) return pooled;
  const ones = block.kernel.map(() => 1);
  return convolutionBlock(context, pooled, {
    name: `${block.name}.skip.${isStrided ? 1 : 0}`,
    inputChannels: block.inputChannels,
    outputChannels: block.outputChannels,
    kernel: ones,
    stride: ones,
    hasBias: false,
    hasActivation: false,
  });
}

/** timm's SqueezeExcite as nnU-Net adapted it: the mean is over the first two spatial axes only, in 3-D as well. */
function squeezeExcitation({ builder, network }: Context, input: string, block: ResidualBlock): string {
  const channels = block.outputChannels;
  const reduced = Math.max(8, Math.floor((channels * network.squeezeExcitationRatio! + 4) / 8) * 8);
  const ones = block.kernel.map(() => 1);
  const name = `${block.name}.squeeze_excitation`;
  const fc = { kernel: ones, stride: ones, hasBias: true };
  let x = builder.node("ReduceMean", [input], { axes: { ints: [2, 3] }, keepdims: { int: 1 } });
  x = builder.convolution(x, `${name}.fc1`, { ...fc, inputChannels: channels, outputChannels: reduced });
  x = builder.node("Relu", [x]);
  x = builder.convolution(x, `${name}.fc2`, { ...fc, inputChannels: reduced, outputChannels: channels });
  return builder.node("Mul", [input, builder.node("Sigmoid", [x])]);
}
