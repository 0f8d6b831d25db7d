import type { WeightTensor } from "../checkpoint/checkpoint.js";
import type { BatchNormTensors } from "./batch-norm.js";
import type { Feature, GraphBuilder } from "./graph-builder.js";
import type { NetworkPlan, NormalizationPlan } from "./network-plan.js";
import type { ParameterTable } from "./parameter-table.js";

/** What every part of a network is built with. */
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
  /** Absent: as the plan says. */
  readonly hasBias?: boolean;
  /** Absent: as the plan says. */
  readonly hasActivation?: boolean;
}

/**
 * Convolution, normalisation, activation: the brick of nnU-Net's networks (`ConvDropoutNormReLU`; dropout does nothing
 * at inference). Its tensors are `<path>.conv.*` and `<path>.norm.*`.
 */
export function convolutionBlock(
  site: NetworkSite,
  path: string,
  x: Feature,
  options: ConvolutionBlockOptions,
): Feature {
  const { graph, parameters, plan } = site;
  const { channels, kernel, stride } = options;
  const weight = parameters.take(`${path}.conv.weight`, [channels, x.channels, ...kernel]);
  const hasBias = options.hasBias ?? plan.convBias;
  const bias = hasBias ? parameters.take(`${path}.conv.bias`, [channels]) : null;
  const convolution = { weight, bias, stride };
  const activation = options.hasActivation === false ? null : plan.activation;
  const { normalization } = plan;
  const isActivationFirst = plan.isActivationFirst && normalization !== null && activation !== null;

  if (normalization?.kind === "batch" && !isActivationFirst) {
    const norm = batchNormTensors(site, `${path}.norm`, { channels, normalization });
    const normalized = graph.normalizedConvolution(`${path}.conv`, x, { ...convolution, norm });
    return graph.activation(`${path}.nonlin`, normalized, activation);
  }
  const convolved = graph.convolution(`${path}.conv`, x, convolution);
  if (isActivationFirst) {
    const activated = graph.activation(`${path}.nonlin`, convolved, activation);
    return normalize(site, `${path}.norm`, activated, normalization);
  }
  const normalized = normalize(site, `${path}.norm`, convolved, normalization);
  return graph.activation(`${path}.nonlin`, normalized, activation);
}

/** Blocks one behind the other, `<path>.convs.0`, `.1`, …; only the first one has the stride. */
export function stackedConvolutions(
  site: NetworkSite,
  path: string,
  x: Feature,
  { count, ...options }: ConvolutionBlockOptions & { readonly count: number },
): Feature {
  let feature = x;
  for (let i = 0; i < count; i++) {
    const stride = i === 0 ? options.stride : options.stride.map(() => 1);
    feature = convolutionBlock(site, `${path}.convs.${i}`, feature, { ...options, stride });
  }
  return feature;
}

function normalize(
  site: NetworkSite,
  path: string,
  x: Feature,
  normalization: NormalizationPlan | null,
): Feature {
  if (normalization === null) return x;
  const options = { channels: x.channels, normalization };
  return normalization.kind === "batch"
    ? site.graph.batchNorm(path, x, batchNormTensors(site, path, options))
    : site.graph.instanceNorm(path, x, {
        ...affineTensors(site, path, options),
        epsilon: normalization.epsilon,
      });
}

interface NormOptions {
  readonly channels: number;
  readonly normalization: NormalizationPlan;
}

function batchNormTensors(site: NetworkSite, path: string, options: NormOptions): BatchNormTensors {
  return {
    ...affineTensors(site, path, options),
    mean: site.parameters.take(`${path}.running_mean`, [options.channels]),
    variance: site.parameters.take(`${path}.running_var`, [options.channels]),
    epsilon: options.normalization.epsilon,
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
