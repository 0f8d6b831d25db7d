import { sharedError } from "../../../processor/contract/shared-errors.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { printable } from "../../ground/untrusted/printable.js";
import type { Field } from "../fields.js";
import type { NetworkWeights } from "../network/checkpoint.js";
import type { NetworkPlan, NormalizationPlan, StagePlan } from "../network/network-plan.js";
import type { TrainerFacts } from "./trainer-facts.js";

export interface NetworkPlanSources {
  /** One entry of `plans_per_stage`. */
  readonly stagePlan: Field;
  readonly weights: NetworkWeights;
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly trainer: Pick<TrainerFacts, "activation" | "isActivationFirst" | "normGroups">;
  /** Name of the checkpoint file, for messages. */
  readonly source: string;
}

/**
 * Reads the network of an nnU-Net v1 training. Only the strides come from the plans. Kernels, features and
 * block counts come from the shapes of the weights, because some trainers (`_3ConvPerStage`, `_allConv3x3`)
 * change them without recording it in the plans.
 *
 * @throws ARCHITECTURE_UNKNOWN, TENSOR_MISMATCH.
 */
export function readNetworkPlanV1(sources: NetworkPlanSources): NetworkPlan {
  const { weights, source } = sources;
  if (weights.has("conv_blocks_context.0.blocks.0.conv.weight")) return genericUNet(sources);
  if (weights.has("encoder.initial_conv.weight")) return fabiansUNet(sources);
  const first = [...weights.keys()].slice(0, 3).map(printable).join(", ");
  throw builderError("ARCHITECTURE_UNKNOWN", `${source}: neither Generic_UNet nor FabiansUNet has ${first}`);
}

function genericUNet(sources: NetworkPlanSources): NetworkPlan {
  const { weights, stagePlan } = sources;
  const pools = readPools(stagePlan);
  const strides = [null, ...pools];
  const context = (stage: number) => `conv_blocks_context.${stage}`;
  const stages = strides.map((stride, s): StagePlan => {
    const isBottleneck = s === pools.length;
    const path = isBottleneck ? `${context(s)}.0` : context(s);
    const blocks = countBlocks(weights, `${path}.blocks`, "conv") + (isBottleneck ? 1 : 0);
    return stageOf(sources, { stride, blocks, convolution: `${path}.blocks.0.conv` });
  });
  const decoder = pools.map((_, u) => {
    const path = `conv_blocks_localization.${u}`;
    return {
      kernel: convolutionShape(sources, `${path}.1.blocks.0.conv`).kernel,
      blocks: countBlocks(weights, `${path}.0.blocks`, "conv") + 1,
    };
  });
  return {
    ...common(sources, "conv_blocks_context.0.blocks.0.instnorm"),
    architecture: "Generic_UNet",
    stages,
    decoder,
    hasConvolutionBias: weights.has("conv_blocks_context.0.blocks.0.conv.bias"),
    // Only the trainers *_biasInSegOutput* use a bias in the heads.
    hasHeadBias: weights.has(`seg_outputs.${pools.length - 1}.bias`),
    residual: null,
  };
}

function fabiansUNet(sources: NetworkPlanSources): NetworkPlan {
  const { weights, stagePlan } = sources;
  const strides = stagePlan.get("pool_op_kernel_sizes").list();
  const first = strides[0]?.integers() ?? [];
  if (first.some((step) => step !== 1)) {
    throw sharedError(
      "PLANS_UNSUPPORTED",
      `${stagePlan.path}.pool_op_kernel_sizes begins with ${first.join("×")}, but the first stage of FabiansUNet must not pool: the network's output would be smaller than its patch`,
    );
  }
  const stages = strides.map((stride, s): StagePlan => {
    const path = `encoder.stages.${s}.convs`;
    const blocks = countBlocks(weights, path, "conv1");
    return stageOf(sources, { stride: stride.integers(), blocks, convolution: `${path}.0.conv1` });
  });
  const decoder = strides.slice(1).map((_, i) => {
    const path = `decoder.stages.${i}.convs`;
    return {
      kernel: convolutionShape(sources, `${path}.0.conv`).kernel,
      blocks: countBlocks(weights, path, "conv"),
    };
  });
  return {
    ...common(sources, "encoder.initial_norm"),
    architecture: "FabiansUNet",
    stages,
    decoder,
    hasConvolutionBias: weights.has("encoder.initial_conv.bias"),
    hasHeadBias: true,
    residual: { block: "basic", stemChannels: convolutionShape(sources, "encoder.initial_conv").features },
  };
}

/**
 * Plans from before 2020 store only the number of halvings for each axis. An axis with fewer halvings starts
 * later.
 */
function readPools(stagePlan: Field): (readonly number[])[] {
  const sizes = stagePlan.get("pool_op_kernel_sizes");
  if (!sizes.isNull) return sizes.list().map((size) => size.integers());
  const field = stagePlan.get("num_pool_per_axis");
  const counts = field.integers();
  const most = counts.reduce((a, b) => Math.max(a, b), 0);
  if (most > maxPools) throw sharedError("PLANS_UNSUPPORTED", `${field.path} is ${field.text()}`);
  return Array.from({ length: most }, (_, i) => counts.map((count) => (most - count <= i ? 2 : 1)));
}

const maxPools = 32;

/** @param norm path of any normalisation layer of the network */
function common(
  { stagePlan, weights, inputChannels, outputChannels, trainer }: NetworkPlanSources,
  norm: string,
) {
  return {
    inputChannels,
    outputChannels,
    patchSize: stagePlan.get("patch_size").integers(),
    hasUpsamplingBias: false,
    normalization: normalizationOf(weights, norm, trainer.normGroups),
    activation: trainer.activation,
    isActivationFirst: trainer.isActivationFirst,
  } as const;
}

/**
 * Returns the normalisation with nnU-Net's constants: BatchNorm for `_BN` trainers, filter response
 * normalisation for `_FRN`, GroupNorm for `_GN`, none for `_NoNormalization`, and InstanceNorm for all
 * others.
 */
function normalizationOf(
  weights: NetworkWeights,
  norm: string,
  groups: number | null,
): NormalizationPlan | null {
  if (!weights.has(`${norm}.weight`)) return null;
  if (weights.has(`${norm}.tau`)) return { kind: "response", epsilon: 1e-6, isAffine: true };
  if (groups !== null) return { kind: "group", groups, epsilon: 1e-5, isAffine: true };
  const kind = weights.has(`${norm}.running_mean`) ? "batch" : "instance";
  return { kind, epsilon: 1e-5, isAffine: true };
}

interface StageSources {
  /** Null for the first stage, which has no stride. */
  readonly stride: readonly number[] | null;
  readonly blocks: number;
  /** Path of the first convolution of the stage. */
  readonly convolution: string;
}

function stageOf(sources: NetworkPlanSources, { stride, blocks, convolution }: StageSources): StagePlan {
  const { features, kernel } = convolutionShape(sources, convolution);
  return { features, kernel, stride: stride ?? kernel.map(() => 1), blocks, bottleneckChannels: null };
}

function convolutionShape({ weights, stagePlan, source }: NetworkPlanSources, path: string) {
  const [features, , ...kernel] = weights.get(`${path}.weight`)?.shape ?? [];
  const axes = stagePlan.get("patch_size").list().length;
  if (features === undefined || kernel.length !== axes) {
    throw builderError(
      "TENSOR_MISMATCH",
      `${source} does not fit its plans: ${path}.weight ${features === undefined ? "is missing" : `has ${kernel.length} spatial axes, not ${axes}`}`,
    );
  }
  return { features, kernel };
}

function countBlocks(weights: NetworkWeights, path: string, convolution: string): number {
  let count = 0;
  while (weights.has(`${path}.${count}.${convolution}.weight`)) count++;
  return count;
}
