import { convolutionBlock, type NetworkSite } from "../convolution-block.js";
import type { Feature } from "../graph-builder.js";
import type { StagePlan } from "../network-plan.js";

/** `<path>.blocks.0`, `.1`, …; only the first block has the stride. */
export function stackedResidualBlocks(
  site: NetworkSite,
  path: string,
  x: Feature,
  stage: StagePlan,
): Feature {
  let feature = x;
  for (let i = 0; i < stage.blocks; i++) {
    const stride = i === 0 ? stage.stride : stage.stride.map(() => 1);
    feature = residualBlock(site, `${path}.blocks.${i}`, feature, { ...stage, stride });
  }
  return feature;
}

/** `BasicBlockD` (two convolutions) or `BottleneckD` (1, kernel, 1), with the way around that ResNet-D has. */
function residualBlock(site: NetworkSite, path: string, x: Feature, stage: StagePlan): Feature {
  const branch =
    stage.bottleneckChannels === null
      ? basicBranch(site, path, x, stage)
      : bottleneckBranch(site, path, x, { ...stage, width: stage.bottleneckChannels });
  const sum = site.graph.add(`${path}.add`, branch, skipBranch(site, `${path}.skip`, x, stage));
  return site.graph.activation(`${path}.nonlin`, sum, site.plan.activation);
}

function basicBranch(site: NetworkSite, path: string, x: Feature, stage: StagePlan): Feature {
  const { features: channels, kernel, stride } = stage;
  const first = convolutionBlock(site, `${path}.conv1`, x, { channels, kernel, stride });
  return convolutionBlock(site, `${path}.conv2`, first, {
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
  { width, features, kernel, stride }: StagePlan & { readonly width: number },
): Feature {
  const one = kernel.map(() => 1);
  const narrow = convolutionBlock(site, `${path}.conv1`, x, { channels: width, kernel: one, stride: one });
  const inner = convolutionBlock(site, `${path}.conv2`, narrow, { channels: width, kernel, stride });
  return convolutionBlock(site, `${path}.conv3`, inner, {
    channels: features,
    kernel: one,
    stride: one,
    hasActivation: false,
  });
}

/** Average pooling where the block has a stride, then a 1×1 convolution where the channels change. */
function skipBranch(site: NetworkSite, path: string, x: Feature, stage: StagePlan): Feature {
  const isStrided = stage.stride.some((step) => step !== 1);
  const pooled = isStrided ? site.graph.averagePool(`${path}.0`, x, stage.stride) : x;
  if (x.channels === stage.features) return pooled;
  const one = stage.kernel.map(() => 1);
  return convolutionBlock(site, `${path}.${isStrided ? 1 : 0}`, pooled, {
    channels: stage.features,
    kernel: one,
    stride: one,
    hasBias: false,
    hasActivation: false,
  });
}
