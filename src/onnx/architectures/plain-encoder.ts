import { type NetworkSite, stackedConvolutions } from "../convolution-block.js";
import type { Feature } from "../graph-builder.js";

/** `encoder.stages.<s>.0`: stacked convolutions, the first one with the stage's stride. Returns every stage's answer. */
export function plainEncoder(site: NetworkSite): Feature[] {
  let feature = site.graph.input;
  return site.plan.stages.map(({ features, kernel, stride, blocks }, stage) => {
    feature = stackedConvolutions(site, `encoder.stages.${stage}.0`, feature, {
      channels: features,
      kernel,
      stride,
      count: blocks,
    });
    return feature;
  });
}
