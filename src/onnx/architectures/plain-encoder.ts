import { blockPaths, type NetworkSite, numbered, stackedBlocks } from "../convolution-block.js";
import type { Feature } from "../graph-builder.js";

/**
 * Stacked convolutions; the first of each stage has the stage's stride. Returns the output of every stage.
 */
export function plainEncoder(site: NetworkSite): Feature[] {
  let feature = site.graph.input;
  return site.plan.stages.map(({ features, kernel, stride, blocks }, s) => {
    const paths = numbered(`encoder.stages.${s}.0.convs`, blocks).map(blockPaths);
    feature = stackedBlocks(site, paths, feature, { channels: features, kernel, stride });
    return feature;
  });
}
