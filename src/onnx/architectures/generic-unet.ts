import { type BlockPaths, type NetworkSite, numbered, stackedBlocks } from "../convolution-block.js";
import type { Feature } from "../graph-builder.js";
import { type DecoderParts, unetDecoder } from "./unet-decoder.js";

/** `Generic_UNet`, the plain network of nnU-Net v1. */
export const genericUNet = (site: NetworkSite): Feature => unetDecoder(site, encoder(site), decoder);

function encoder(site: NetworkSite): Feature[] {
  const { stages } = site.plan;
  let feature = site.graph.input;
  return stages.map(({ features, kernel, stride, blocks }, s) => {
    const path = `conv_blocks_context.${s}`;
    const paths = s === stages.length - 1 ? splitBlocks(path, blocks) : blocksOf(path, blocks);
    feature = stackedBlocks(site, paths, feature, { channels: features, kernel, stride });
    return feature;
  });
}

const decoder: DecoderParts = {
  upsampling: (stage) => `tu.${stage}`,
  stage: (site, x, { index, features, kernel, blocks }) =>
    stackedBlocks(site, splitBlocks(`conv_blocks_localization.${index}`, blocks), x, {
      channels: features,
      kernel,
      stride: kernel.map(() => 1),
    }),
  head: (stageCount) => `seg_outputs.${stageCount - 1}`,
};

const blocksOf = (path: string, count: number): BlockPaths[] =>
  numbered(`${path}.blocks`, count).map((block) => ({
    convolution: `${block}.conv`,
    norm: `${block}.instnorm`,
  }));

/** Bottleneck and decoder stages keep their last block in a separate module. */
const splitBlocks = (path: string, count: number): BlockPaths[] => [
  ...blocksOf(`${path}.0`, count - 1),
  ...blocksOf(`${path}.1`, 1),
];
