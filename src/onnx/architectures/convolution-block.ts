import type { NetworkBuilder } from "../network-builder.js";
import type { NetworkDescription } from "../network-description.js";

export interface BlockOptions {
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly hasBias: boolean;
  readonly hasActivation: boolean;
}

/** nnU-Net's ConvDropoutNormReLU: convolution, normalisation, activation; dropout does nothing at inference. */
export function convolutionBlock(
  { builder, network }: { builder: NetworkBuilder; network: NetworkDescription },
  input: string,
  block: BlockOptions & { readonly name: string },
): string {
  const convolved = builder.convolution(input, `${block.name}.conv`, block);
  const normalize = (x: string) =>
    builder.normalization(x, `${block.name}.norm`, {
      channels: block.outputChannels,
      kind: network.normalization,
    });
  if (!block.hasActivation) return normalize(convolved);
  return network.activationFirst
    ? normalize(builder.activation(convolved, network.activation))
    : builder.activation(normalize(convolved), network.activation);
}

/** nnU-Net's StackedConvBlocks: only the first convolution has a stride. */
export function stackedConvolutions(
  context: { builder: NetworkBuilder; network: NetworkDescription },
  input: string,
  stack: Omit<BlockOptions, "hasBias" | "hasActivation"> & { readonly name: string; readonly count: number },
): string {
  let x = input;
  for (let i = 0; i < stack.count; i++) {
    x = convolutionBlock(context, x, {
      name: `${stack.name}.convs.${i}`,
      inputChannels: i === 0 ? stack.inputChannels : stack.outputChannels,
      outputChannels: stack.outputChannels,
      kernel: stack.kernel,
      stride: i === 0 ? stack.stride : stack.stride.map(() => 1),
      hasBias: context.network.hasConvolutionBias,
      hasActivation: true,
    });
  }
  return x;
}
