import type { StagePlan } from "../../checkpoint/network/network-plan.js";
import { blockPaths, type NetworkSite, numbered, stackedBlocks } from "../convolution-block.js";
import type { Feature } from "../graph-builder.js";
import { residualBlocks } from "./residual-block.js";

/** The names and builders of the parts of an architecture's decoder. */
export interface DecoderParts {
  /** Path of a stage's transposed convolution; stage 0 is the deepest. */
  readonly upsampling: (stage: number) => string;
  /** Changes the skip before it is joined, by the upsampled features; null or absent for an unchanged skip. */
  readonly gate?: ((site: NetworkSite, upsampled: Feature, skip: Feature, stage: number) => Feature) | null;
  readonly stage: (site: NetworkSite, x: Feature, plan: DecoderStage) => Feature;
  /** Path of the layer that computes the logits. */
  readonly head: (stageCount: number) => string;
}

export interface DecoderStage {
  readonly index: number;
  /** Number of channels of the skip, which is also that of the stage's output. */
  readonly features: number;
  readonly kernel: readonly number[];
  readonly blocks: number;
}

/**
 * Builds nnU-Net's decoder: each stage upsamples, appends the skip and convolves, deepest first. Only the
 * finest segmentation layer is part of inference.
 *
 * @param skips the output of every encoder stage, finest first
 */
export function unetDecoder(site: NetworkSite, skips: readonly Feature[], parts: DecoderParts): Feature {
  const { graph, plan } = site;
  const bottleneck = skips.at(-1) as Feature;
  const decoded = plan.decoder.reduce((feature, { kernel, blocks }, index) => {
    const skip = skips.at(-(index + 2)) as Feature;
    const { stride } = plan.stages.at(-(index + 1)) as StagePlan;
    const upsampled = upsample(site, parts.upsampling(index), feature, { channels: skip.channels, stride });
    const gated = parts.gate?.(site, upsampled, skip, index) ?? skip;
    const joined = graph.concatenate(`decoder.concat.${index}`, upsampled, gated);
    return parts.stage(site, joined, { index, features: skip.channels, kernel, blocks });
  }, bottleneck);
  return segmentationLayer(site, parts.head(plan.decoder.length), decoded);
}

/** The decoder of v2's networks with plain convolutions. */
export const plainDecoder: DecoderParts = {
  upsampling: (stage) => `decoder.transpconvs.${stage}`,
  stage: (site, x, { index, features, kernel, blocks }) =>
    stackedBlocks(site, numbered(`decoder.stages.${index}.convs`, blocks).map(blockPaths), x, {
      channels: features,
      kernel,
      stride: kernel.map(() => 1),
    }),
  head: (stageCount) => `decoder.seg_layers.${stageCount - 1}`,
};

/** The decoder with basic residual blocks, which are used even if the encoder has bottleneck blocks. */
export const residualDecoder: DecoderParts = {
  ...plainDecoder,
  stage: (site, x, { index, features, kernel, blocks }) =>
    residualBlocks(site, `decoder.stages.${index}`, x, {
      features,
      kernel,
      stride: kernel.map(() => 1),
      bottleneckChannels: null,
      blocks,
    }),
};

interface UpsampleOptions {
  readonly channels: number;
  readonly stride: readonly number[];
}

function upsample(
  { graph, parameters, plan }: NetworkSite,
  path: string,
  x: Feature,
  { channels, stride }: UpsampleOptions,
): Feature {
  const weight = parameters.take(`${path}.weight`, [x.channels, channels, ...stride]);
  const bias = plan.hasUpsamplingBias ? parameters.take(`${path}.bias`, [channels]) : null;
  return graph.transposedConvolution(path, x, { weight, bias, stride });
}

function segmentationLayer({ graph, parameters, plan }: NetworkSite, path: string, x: Feature): Feature {
  const one = plan.patchSize.map(() => 1);
  const weight = parameters.take(`${path}.weight`, [plan.outputChannels, x.channels, ...one]);
  const bias = plan.hasHeadBias ? parameters.take(`${path}.bias`, [plan.outputChannels]) : null;
  return graph.convolution(path, x, { weight, bias, stride: one });
}
