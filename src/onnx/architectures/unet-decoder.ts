import { type NetworkSite, stackedConvolutions } from "../convolution-block.js";
import type { Feature } from "../graph-builder.js";
import type { StagePlan } from "../network-plan.js";
import { stackedResidualBlocks } from "./residual-block.js";

/** One decoder stage's blocks: from the concatenated features to those of the skip's stage. */
export type DecoderStage = (site: NetworkSite, path: string, x: Feature, stage: StagePlan) => Feature;

/**
 * nnU-Net's decoder: upsample, put the skip behind, convolve; deepest first. Only the finest segmentation layer
 * is part of inference.
 *
 * @param skips every encoder stage's answer, finest first
 */
export function unetDecoder(
  site: NetworkSite,
  skips: readonly Feature[],
  decoderStage: DecoderStage,
): Feature {
  const { graph, parameters, plan } = site;
  let feature = skips.at(-1) as Feature;
  for (const [s, blocks] of plan.decoderBlocks.entries()) {
    const skip = skips.at(-(s + 2)) as Feature;
    const skipStage = plan.stages.at(-(s + 2)) as StagePlan;
    const { stride } = plan.stages.at(-(s + 1)) as StagePlan;

    const path = `decoder.transpconvs.${s}`;
    const weight = parameters.take(`${path}.weight`, [feature.channels, skip.channels, ...stride]);
    const bias = plan.convBias ? parameters.take(`${path}.bias`, [skip.channels]) : null;
    const upsampled = graph.transposedConvolution(path, feature, { weight, bias, stride });
    const joined = graph.concatenate(`decoder.concat.${s}`, upsampled, skip);
    const one = skipStage.stride.map(() => 1);
    feature = decoderStage(site, `decoder.stages.${s}`, joined, { ...skipStage, stride: one, blocks });
  }
  return segmentationLayer(site, `decoder.seg_layers.${plan.decoderBlocks.length - 1}`, feature);
}

export const plainDecoderStage: DecoderStage = (site, path, x, { features, kernel, stride, blocks }) =>
  stackedConvolutions(site, path, x, { channels: features, kernel, stride, count: blocks });

/** Basic blocks, also where the encoder has bottleneck blocks. */
export const residualDecoderStage: DecoderStage = (site, path, x, stage) =>
  stackedResidualBlocks(site, path, x, { ...stage, bottleneckChannels: null });

function segmentationLayer({ graph, parameters, plan }: NetworkSite, path: string, x: Feature): Feature {
  const one = plan.patchSize.map(() => 1);
  return graph.convolution(path, x, {
    weight: parameters.take(`${path}.weight`, [plan.outputChannels, x.channels, ...one]),
    bias: parameters.take(`${path}.bias`, [plan.outputChannels]),
    stride: one,
  });
}
