import type { NetworkSite } from "../convolution-block.js";
import type { Feature } from "../graph-builder.js";
import { nvidiaBlockName } from "./nvidia-unet.js";

/**
 * NVIDIA's UNet3D for BraTS 2022 (`--brats22_model`): normalisation, convolution, activation, so a norm has the channels
 * of its input; trilinear upsampling by 2 with aligned corners.
 */
export function nvidiaUNet3D(site: NetworkSite): Feature {
  const { graph, plan } = site;
  const { stages } = plan;
  let feature = inputBlock(site);
  const skips = stages.map((stage, s) => {
    if (s === 0) return feature;
    const block = nvidiaBlockName(s, stages.length);
    const options = { channels: stage.features, kernel: stage.kernel };
    feature = layer(site, `${block}.conv1`, feature, { ...options, stride: stage.stride });
    feature = layer(site, `${block}.conv2`, feature, { ...options, stride: stage.stride.map(() => 1) });
    return feature;
  });
  const decoded = plan.decoder.reduce((x, { kernel }, index) => {
    const skip = skips.at(-(index + 2))!;
    const upsampled = graph.upsampleLinear(`upsamples.${index}.upsample`, x, kernel.length);
    const joined = graph.concatenate(`upsamples.${index}.concat`, upsampled, skip);
    const options = { channels: skip.channels, kernel, stride: kernel.map(() => 1) };
    const block = `upsamples.${index}.conv_block`;
    return layer(site, `${block}.conv2`, layer(site, `${block}.conv1`, joined, options), options);
  }, feature);
  return convolve(site, "output_block.conv", decoded, {
    channels: plan.outputChannels,
    kernel: plan.patchSize.map(() => 1),
    stride: plan.patchSize.map(() => 1),
    hasBias: true,
  });
}

interface LayerOptions {
  readonly channels: number;
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly hasBias?: boolean;
}

function inputBlock(site: NetworkSite): Feature {
  const { features: channels, kernel } = site.plan.stages[0]!;
  const options = { channels, kernel, stride: kernel.map(() => 1) };
  const first = convolve(site, "input_block.conv1", site.graph.input, options);
  const normalized = activate(site, "input_block.relu1", normalize(site, "input_block.norm", first));
  return activate(site, "input_block.relu2", convolve(site, "input_block.conv2", normalized, options));
}

const layer = (site: NetworkSite, path: string, x: Feature, options: LayerOptions): Feature =>
  activate(site, `${path}.relu`, convolve(site, `${path}.conv`, normalize(site, `${path}.norm`, x), options));

function normalize({ graph, parameters, plan }: NetworkSite, path: string, x: Feature): Feature {
  const affine = {
    scale: parameters.take(`${path}.weight`, [x.channels]),
    shift: parameters.take(`${path}.bias`, [x.channels]),
    epsilon: plan.normalization!.epsilon,
  };
  if (plan.normalization!.kind !== "batch") return graph.instanceNorm(path, x, affine);
  return graph.batchNorm(path, x, {
    ...affine,
    mean: parameters.take(`${path}.running_mean`, [x.channels]),
    variance: parameters.take(`${path}.running_var`, [x.channels]),
  });
}

function convolve(
  { graph, parameters }: NetworkSite,
  path: string,
  x: Feature,
  { channels, kernel, stride, hasBias = false }: LayerOptions,
): Feature {
  const weight = parameters.take(`${path}.weight`, [channels, x.channels, ...kernel]);
  const bias = hasBias ? parameters.take(`${path}.bias`, [channels]) : null;
  return graph.convolution(path, x, { weight, bias, stride });
}

const activate = (site: NetworkSite, path: string, x: Feature): Feature =>
  site.graph.activation(path, x, site.plan.activation);
