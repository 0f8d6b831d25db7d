import type { NetworkSite } from "../convolution-block.js";
import { type BlockPaths, blockPaths, convolutionBlock, stackedBlocks } from "../convolution-block.js";
import type { Feature } from "../graph-builder.js";
import { type DecoderParts, unetDecoder } from "./unet-decoder.js";

/** The names that differ between NVIDIA's U-Nets. */
interface Names {
  readonly first: (block: string) => BlockPaths;
  readonly second: (block: string) => BlockPaths;
  readonly residualSecond: (block: string) => BlockPaths;
  readonly skip: (block: string) => BlockPaths;
  readonly upsampling: (stage: number) => string;
  readonly head: string;
  /** True if the skip convolution of a residual block has the block's own kernel, not 1. */
  readonly hasLargeSkip: boolean;
}

/** MONAI's `DynUNet`, with or without `--res_block`. Only the encoder and the bottleneck have residual blocks. */
export const dynUNet = (site: NetworkSite): Feature => nvidiaNetwork(site, dynUNetNames, false);

/** NVIDIA's own U-Net until 21.10; with `--residual`, the encoder has residual blocks. */
export const nvidiaUNet = (site: NetworkSite): Feature => nvidiaNetwork(site, ownNames, false);

/** NVIDIA's own U-Net with `--attention`. */
export const nvidiaAttentionUNet = (site: NetworkSite): Feature => nvidiaNetwork(site, ownNames, true);

const dynUNetNames: Names = {
  first: (block) => ({ convolution: `${block}.conv1.conv`, norm: `${block}.norm1` }),
  second: (block) => ({ convolution: `${block}.conv2.conv`, norm: `${block}.norm2` }),
  residualSecond: (block) => ({ convolution: `${block}.conv2.conv`, norm: `${block}.norm2` }),
  skip: (block) => ({ convolution: `${block}.conv3.conv`, norm: `${block}.norm3` }),
  upsampling: (stage) => `upsamples.${stage}.transp_conv.conv`,
  head: "output_block.conv.conv",
  hasLargeSkip: false,
};

const ownNames: Names = {
  first: (block) => blockPaths(`${block}.conv1`),
  second: (block) => blockPaths(`${block}.conv2`),
  residualSecond: (block) => ({ convolution: `${block}.conv2`, norm: `${block}.norm` }),
  skip: (block) => ({ convolution: `${block}.downsample`, norm: `${block}.norm_res` }),
  upsampling: (stage) => `upsamples.${stage}.transp_conv`,
  head: "output_block.conv",
  hasLargeSkip: true,
};

function nvidiaNetwork(site: NetworkSite, names: Names, hasAttention: boolean): Feature {
  const { stages, residual } = site.plan;
  let feature = site.graph.input;
  const skips = stages.map((stage, s) => {
    const block = nvidiaBlockName(s, stages.length);
    const options = { channels: stage.features, kernel: stage.kernel, stride: stage.stride };
    feature =
      residual === null
        ? stackedBlocks(site, [names.first(block), names.second(block)], feature, options)
        : residualBlock(site, names, feature, { block, ...options });
    return feature;
  });
  const decoder: DecoderParts = {
    upsampling: names.upsampling,
    gate: hasAttention ? attentionGate : null,
    stage: (of, x, { index, features, kernel }) => {
      const block = `upsamples.${index}.conv_block`;
      return stackedBlocks(of, [names.first(block), names.second(block)], x, {
        channels: features,
        kernel,
        stride: kernel.map(() => 1),
      });
    },
    head: () => names.head,
  };
  return unetDecoder(site, skips, decoder);
}

/** Returns the name of an encoder stage; the last is the bottleneck. */
export function nvidiaBlockName(stage: number, stageCount: number): string {
  if (stage === 0) return "input_block";
  return stage === stageCount - 1 ? "bottleneck" : `downsamples.${stage - 1}`;
}

interface ResidualOptions {
  readonly block: string;
  readonly channels: number;
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
}

function residualBlock(site: NetworkSite, names: Names, x: Feature, options: ResidualOptions): Feature {
  const { block, channels, kernel, stride } = options;
  const one = stride.map(() => 1);
  const first = convolutionBlock(site, names.first(block), x, { channels, kernel, stride });
  const second = convolutionBlock(site, names.residualSecond(block), first, {
    channels,
    kernel,
    stride: one,
    hasActivation: false,
  });
  const isSame = x.channels === channels && stride.every((step) => step === 1);
  const around = isSame
    ? x
    : convolutionBlock(site, names.skip(block), x, {
        channels,
        kernel: names.hasLargeSkip ? kernel : one,
        stride,
        hasActivation: false,
      });
  return site.graph.activation(
    `${block}.lrelu`,
    site.graph.add(`${block}.add`, second, around),
    site.plan.activation,
  );
}

/** Multiplies the skip by a map between 0 and 1, computed from the skip and the upsampled features. */
function attentionGate(site: NetworkSite, upsampled: Feature, skip: Feature, index: number): Feature {
  const { graph, plan } = site;
  const path = `upsamples.${index}`;
  const kernel = plan.patchSize.map(() => 3);
  const stride = kernel.map(() => 1);
  const channels = Math.floor(skip.channels / 2);
  const options = { channels, kernel, stride, hasActivation: false };
  const ofUpsampled = convolutionBlock(site, blockPaths(`${path}.conv_o`), upsampled, options);
  const ofSkip = convolutionBlock(site, blockPaths(`${path}.conv_s`), skip, options);
  const joint = graph.activation(`${path}.relu`, graph.add(`${path}.add`, ofUpsampled, ofSkip), {
    kind: "relu",
    slope: 0,
  });
  const one = convolutionBlock(site, blockPaths(`${path}.psi`), joint, { ...options, channels: 1 });
  return graph.multiply(`${path}.gate`, skip, graph.activation(`${path}.sigmoid`, one, { kind: "sigmoid" }));
}
