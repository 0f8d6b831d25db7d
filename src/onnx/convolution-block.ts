import type { WeightTensor } from "../checkpoint/network/checkpoint.js";
import type { NetworkPlan, NormalizationPlan } from "../checkpoint/network/network-plan.js";
import type { BatchNormTensors } from "./batch-norm.js";
import type { Feature, GraphBuilder } from "./graph-builder.js";
import type { ParameterTable } from "./parameter-table.js";

/** The context that every part of a network is built in. */
export interface NetworkSite {
  readonly graph: GraphBuilder;
  readonly parameters: ParameterTable;
  readonly plan: NetworkPlan;
}

export interface ConvolutionBlockOptions {
  readonly channels: number;
  /** One entry per spatial axis. */
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  /** Defaults to the plan's setting. */
  readonly hasBias?: boolean;
  /** Defaults to the plan's setting. */
  readonly hasActivation?: boolean;
}

/** Paths of the tensors of one convolution block. */
export interface BlockPaths {
  readonly convolution: string;
  readonly norm: string;
}

/** Returns the paths of v2's `ConvDropoutNormReLU`. */
export const blockPaths = (path: string): BlockPaths => ({
  convolution: `${path}.conv`,
  norm: `${path}.norm`,
});

/** Returns `<path>.0`, `<path>.1`, … */
export const numbered = (path: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${path}.${i}`);

/** Chains convolution blocks; only the first one has the stride. */
export function stackedBlocks(
  site: NetworkSite,
  paths: readonly BlockPaths[],
  x: Feature,
  options: ConvolutionBlockOptions,
): Feature {
  return paths.reduce((feature, path, i) => {
    const stride = i === 0 ? options.stride : options.stride.map(() => 1);
    return convolutionBlock(site, path, feature, { ...options, stride });
  }, x);
}

/**
 * Builds the basic block of nnU-Net's networks: convolution, normalisation, activation. Dropout has no effect
 * at inference.
 */
export function convolutionBlock(
  site: NetworkSite,
  paths: BlockPaths,
  x: Feature,
  options: ConvolutionBlockOptions,
): Feature {
  const { graph, parameters, plan } = site;
  const { channels, kernel, stride } = options;
  const weight = parameters.take(`${paths.convolution}.weight`, [channels, x.channels, ...kernel]);
  const hasBias = options.hasBias ?? plan.hasConvolutionBias;
  const bias = hasBias ? parameters.take(`${paths.convolution}.bias`, [channels]) : null;
  const convolution = { weight, bias, stride };
  const activation = options.hasActivation === false ? null : plan.activation;
  const { normalization } = plan;
  const isActivationFirst = plan.isActivationFirst && normalization !== null && activation !== null;

  if (normalization?.kind === "batch" && !isActivationFirst) {
    const norm = batchNormTensors(site, paths.norm, { channels, normalization });
    const normalized = graph.normalizedConvolution(paths.convolution, x, { ...convolution, norm });
    return graph.activation(`${paths.norm}.nonlin`, normalized, activation);
  }
  const convolved = graph.convolution(paths.convolution, x, convolution);
  if (isActivationFirst) {
    const activated = graph.activation(`${paths.norm}.nonlin`, convolved, activation);
    return normalize(site, paths.norm, activated, normalization);
  }
  const normalized = normalize(site, paths.norm, convolved, normalization);
  return graph.activation(`${paths.norm}.nonlin`, normalized, activation);
}

/** Normalises as the plan says. */
export function normalize(
  site: NetworkSite,
  path: string,
  x: Feature,
  normalization: NormalizationPlan | null,
): Feature {
  if (normalization === null) return x;
  const options = { channels: x.channels, normalization };
  const { epsilon } = normalization;
  switch (normalization.kind) {
    case "batch":
      return site.graph.batchNorm(path, x, batchNormTensors(site, path, options));
    case "instance":
      return site.graph.instanceNorm(path, x, { ...affineTensors(site, path, options), epsilon });
    case "group":
      return site.graph.groupNorm(path, x, {
        ...affineTensors(site, path, options),
        epsilon,
        groups: normalization.groups,
        spatialAxes: site.plan.patchSize.length,
      });
    case "response":
      return site.graph.responseNorm(path, x, { ...responseNormTensors(site, path, x.channels), epsilon });
  }
}

interface NormOptions {
  readonly channels: number;
  readonly normalization: NormalizationPlan;
}

export function batchNormTensors(site: NetworkSite, path: string, options: NormOptions): BatchNormTensors {
  return {
    ...affineTensors(site, path, options),
    mean: site.parameters.take(`${path}.running_mean`, [options.channels]),
    variance: site.parameters.take(`${path}.running_var`, [options.channels]),
    epsilon: options.normalization.epsilon,
  };
}

function responseNormTensors({ parameters, plan }: NetworkSite, path: string, channels: number) {
  const shape = [1, channels, ...plan.patchSize.map(() => 1)];
  return {
    scale: parameters.take(`${path}.weight`, shape),
    shift: parameters.take(`${path}.bias`, shape),
    threshold: parameters.take(`${path}.tau`, shape),
  };
}

function affineTensors(
  { parameters }: NetworkSite,
  path: string,
  { channels, normalization }: NormOptions,
): { scale: WeightTensor | null; shift: WeightTensor | null } {
  if (!normalization.isAffine) return { scale: null, shift: null };
  return {
    scale: parameters.take(`${path}.weight`, [channels]),
    shift: parameters.take(`${path}.bias`, [channels]),
  };
}
