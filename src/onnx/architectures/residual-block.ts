import { blockPaths, convolutionBlock, type NetworkSite, numbered } from "../convolution-block.js";
import type { Feature } from "../graph-builder.js";

export interface ResidualBlockPlan {
  readonly features: number;
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  /** Channels inside a bottleneck block; null for a basic block. */
  readonly bottleneckChannels: number | null;
}

/** `<path>.blocks.0`, `.1`, …; only the first block has the stride. */
export function residualBlocks(
  site: NetworkSite,
  path: string,
  x: Feature,
  { blocks, ...plan }: ResidualBlockPlan & { readonly blocks: number },
): Feature {
  return numbered(`${path}.blocks`, blocks).reduce((feature, block, i) => {
    const stride = i === 0 ? plan.stride : plan.stride.map(() => 1);
    return residualBlock(site, block, feature, { ...plan, stride });
  }, x);
}

/** `BasicBlockD` (two convolutions) or `BottleneckD` (1, kernel, 1), with the shortcut of ResNet-D. */
function residualBlock(site: NetworkSite, path: string, x: Feature, plan: ResidualBlockPlan): Feature {
  const branch =
    plan.bottleneckChannels === null
      ? basicBranch(site, path, x, plan)
      : bottleneckBranch(site, path, x, { ...plan, width: plan.bottleneckChannels });
  const sum = site.graph.add(`${path}.add`, branch, skipBranch(site, `${path}.skip`, x, plan));
  return site.graph.activation(`${path}.nonlin`, sum, site.plan.activation);
}

function basicBranch(site: NetworkSite, path: string, x: Feature, plan: ResidualBlockPlan): Feature {
  const { features: channels, kernel, stride } = plan;
  const first = convolutionBlock(site, blockPaths(`${path}.conv1`), x, { channels, kernel, stride });
  return convolutionBlock(site, blockPaths(`${path}.conv2`), first, {
    channels,
    kernel,
    stride: stride.map(() => 1),
    hasActivation: false,
  });
}

function bottleneckBranch(
  site: NetworkSite,
  path: string,
  x: Feature,
  { width, features, kernel, stride }: ResidualBlockPlan & { readonly width: number },
): Feature {
  const one = kernel.map(() => 1);
  const conv1 = blockPaths(`${path}.conv1`);
  const narrow = convolutionBlock(site, conv1, x, { channels: width, kernel: one, stride: one });
  const inner = convolutionBlock(site, blockPaths(`${path}.conv2`), narrow, {
    channels: width,
    kernel,
    stride,
  });
  return convolutionBlock(site, blockPaths(`${path}.conv3`), inner, {
    channels: features,
    kernel: one,
    stride: one,
    hasActivation: false,
  });
}

/** Average pooling if the block has a stride, then a 1×1 convolution if the number of channels changes. */
function skipBranch(site: NetworkSite, path: string, x: Feature, plan: ResidualBlockPlan): Feature {
  const isStrided = plan.stride.some((step) => step !== 1);
  const pooled = isStrided ? site.graph.averagePool(`${path}.0`, x, plan.stride) : x;
  if (x.channels === plan.features) return pooled;
  const one = plan.kernel.map(() => 1);
  return convolutionBlock(site, blockPaths(`${path}.${isStrided ? 1 : 0}`), pooled, {
    channels: plan.features,
    kernel: one,
    stride: one,
    hasBias: false,
    hasActivation: false,
  });
}
