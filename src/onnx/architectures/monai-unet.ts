import type { MonaiUNetPlan } from "../../checkpoint/network/network-plan.js";
import { batchNormTensors, type NetworkSite, normalize } from "../convolution-block.js";
import type { Feature } from "../graph-builder.js";

/** MONAI's `UNet`: each level holds the next one between its convolutions down and up, and joins its own features to it. */
export const monaiUNet = (site: NetworkSite): Feature => level(site, "model", site.graph.input, 0);

function level(site: NetworkSite, path: string, x: Feature, index: number): Feature {
  const { channels, strides } = planOf(site);
  const stride = strides[index]!;
  const own = channels[index]!;
  const down = downLayer(site, `${path}.0`, x, { channels: own, stride });
  const below = `${path}.1.submodule`;
  const inner =
    index === channels.length - 2
      ? downLayer(site, below, down, { channels: channels.at(-1)!, stride: stride.map(() => 1) })
      : level(site, below, down, index + 1);
  const joined = site.graph.concatenate(`${path}.join`, down, inner);
  const outputs = index === 0 ? site.plan.outputChannels : channels[index - 1]!;
  return upLayer(site, `${path}.2`, joined, { channels: outputs, stride, isTop: index === 0 });
}

const planOf = ({ plan }: NetworkSite): MonaiUNetPlan => plan.monaiUNet!;

interface LayerOptions {
  readonly channels: number;
  readonly stride: readonly number[];
}

function downLayer(site: NetworkSite, path: string, x: Feature, options: LayerOptions): Feature {
  const { residualUnits } = planOf(site);
  return residualUnits > 0
    ? residualUnit(site, path, x, { ...options, units: residualUnits, endsPlain: false })
    : convolution(site, path, x, { ...options, isPlain: false });
}

function upLayer(
  site: NetworkSite,
  path: string,
  x: Feature,
  { isTop, channels, stride }: LayerOptions & { readonly isTop: boolean },
): Feature {
  const { residualUnits } = planOf(site);
  if (residualUnits === 0) return upsample(site, path, x, { channels, stride, isPlain: isTop });
  const upsampled = upsample(site, `${path}.0`, x, { channels, stride, isPlain: false });
  const one = stride.map(() => 1);
  return residualUnit(site, `${path}.1`, upsampled, { channels, stride: one, units: 1, endsPlain: isTop });
}

interface UnitOptions extends LayerOptions {
  readonly units: number;
  /** True if the last convolution has neither normalisation nor activation. */
  readonly endsPlain: boolean;
}

function residualUnit(site: NetworkSite, path: string, x: Feature, options: UnitOptions): Feature {
  const { channels, stride, units, endsPlain } = options;
  const one = stride.map(() => 1);
  let feature = x;
  for (let unit = 0; unit < units; unit++)
    feature = convolution(site, `${path}.conv.unit${unit}`, feature, {
      channels,
      stride: unit === 0 ? stride : one,
      isPlain: endsPlain && unit === units - 1,
    });
  return site.graph.add(`${path}.add`, feature, around(site, path, x, { channels, stride }));
}

/** The skip of a residual unit: a convolution if the stride or the channels change. */
function around(site: NetworkSite, path: string, x: Feature, { channels, stride }: LayerOptions): Feature {
  const { graph, parameters, plan } = site;
  const isStrided = stride.some((step) => step !== 1);
  if (!isStrided && x.channels === channels) return x;
  const kernel = isStrided ? planOf(site).kernel : stride.map(() => 1);
  return graph.convolution(`${path}.residual`, x, {
    weight: parameters.take(`${path}.residual.weight`, [channels, x.channels, ...kernel]),
    bias: plan.hasConvolutionBias ? parameters.take(`${path}.residual.bias`, [channels]) : null,
    stride,
  });
}

interface ConvolutionOptions extends LayerOptions {
  readonly isPlain: boolean;
}

function convolution(site: NetworkSite, path: string, x: Feature, options: ConvolutionOptions): Feature {
  const { graph, parameters, plan } = site;
  const { channels, stride, isPlain } = options;
  const name = `${path}.conv`;
  const tensors = {
    weight: parameters.take(`${name}.weight`, [channels, x.channels, ...planOf(site).kernel]),
    bias: plan.hasConvolutionBias ? parameters.take(`${name}.bias`, [channels]) : null,
    stride,
  };
  if (isPlain) return graph.convolution(name, x, tensors);
  const { normalization } = plan;
  if (normalization?.kind !== "batch" || !isNormFirst(site))
    return finish(site, `${path}.adn`, graph.convolution(name, x, tensors), "");
  const norm = batchNormTensors(site, `${path}.adn.N`, { channels, normalization });
  return finish(site, `${path}.adn`, graph.normalizedConvolution(name, x, { ...tensors, norm }), "N");
}

const isNormFirst = (site: NetworkSite): boolean => /^D?N/.test(planOf(site).order);

function upsample(site: NetworkSite, path: string, x: Feature, options: ConvolutionOptions): Feature {
  const { graph, parameters, plan } = site;
  const { channels, stride, isPlain } = options;
  const kernel = planOf(site).upsamplingKernel;
  const name = `${path}.conv`;
  const upsampled = graph.transposedConvolution(name, x, {
    weight: parameters.take(`${name}.weight`, [x.channels, channels, ...kernel]),
    bias: plan.hasUpsamplingBias ? parameters.take(`${name}.bias`, [channels]) : null,
    stride,
    padding: kernel.map((size) => (size - 1) / 2),
  });
  return isPlain ? upsampled : finish(site, `${path}.adn`, upsampled, "");
}

/** Adds normalisation and activation in the network's order, without the part that the convolution already contains. */
function finish(site: NetworkSite, path: string, x: Feature, done: string): Feature {
  const { graph, parameters, plan } = site;
  const { order, hasLearntSlopes } = planOf(site);
  let feature = x;
  for (const part of order.replace("D", "").replace(done, "")) {
    const name = `${path}.${part}`;
    if (part === "N") feature = normalize(site, name, feature, plan.normalization);
    else if (!hasLearntSlopes) feature = graph.activation(name, feature, plan.activation);
    else {
      // One slope for all channels, or one for each.
      const isShared = parameters.shapeOf(`${name}.weight`)?.[0] === 1;
      const slopes = parameters.take(`${name}.weight`, [isShared ? 1 : x.channels]);
      feature = graph.learntSlopes(name, feature, slopes, plan.patchSize.length);
    }
  }
  return feature;
}
