import type { StagePlan } from "../../checkpoint/network/network-plan.js";
import { blockPaths, convolutionBlock, type NetworkSite } from "../convolution-block.js";
import type { Feature } from "../graph-builder.js";
import { residualBlocks } from "./residual-block.js";

/** A stem without stride, then stages of residual blocks. Returns the output of every stage. */
export function residualEncoder(site: NetworkSite): Feature[] {
  const { stages, residual } = site.plan;
  const first = stages[0] as StagePlan;
  let feature = convolutionBlock(site, blockPaths("encoder.stem.convs.0"), site.graph.input, {
    channels: residual?.stemChannels ?? first.features,
    kernel: first.kernel,
    stride: first.kernel.map(() => 1),
  });
  return stages.map((stage, s) => {
    feature = residualBlocks(site, `encoder.stages.${s}`, feature, stage);
    return feature;
  });
}
