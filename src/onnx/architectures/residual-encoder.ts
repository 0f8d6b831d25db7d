import { type NetworkSite, stackedConvolutions } from "../convolution-block.js";
import type { Feature } from "../graph-builder.js";
import type { StagePlan } from "../network-plan.js";
import { stackedResidualBlocks } from "./residual-block.js";

/** `encoder.stem`, a convolution without stride, then residual blocks. Returns every stage's answer. */
export function residualEncoder(site: NetworkSite): Feature[] {
  const { stages, residual } = site.plan;
  const first = stages[0] as StagePlan;
  let feature = stackedConvolutions(site, "encoder.stem", site.graph.input, {
    channels: residual?.stemChannels ?? first.features,
    kernel: first.kernel,
    stride: first.kernel.map(() => 1),
    count: 1,
  });
  return stages.map((stage, s) => {
    feature = stackedResidualBlocks(site, `encoder.stages.${s}`, feature, stage);
    return feature;
  });
}
