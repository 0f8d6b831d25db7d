import { counted } from "../../../processor/contract/counted.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import type { Field } from "../fields.js";
import type { NetworkPlan, ResidualPlan, StagePlan } from "../network/network-plan.js";
import { readActivation, readNormalization } from "./layer-plans.js";
import { blocksKey, readNetworkClass } from "./network-class.js";
import { className, flag, unsupported } from "./plan-values.js";

export interface NetworkPlanSources {
  /** The configuration, resolved by `resolveConfiguration`. */
  readonly configuration: Field;
  readonly inputChannels: number;
  readonly outputChannels: number;
}

/**
 * Reads the network that plans.json describes, from the `architecture` block or from the older keys.
 *
 * @throws ARCHITECTURE_UNKNOWN for an unknown class, PLANS_UNSUPPORTED for an argument that the class does
 * not accept or a layer that inference does not support.
 */
export function readNetworkPlan(sources: NetworkPlanSources): NetworkPlan {
  const { configuration, inputChannels, outputChannels } = sources;
  const patchSize = configuration.get("patch_size").integers();
  const { architecture, kwargs } = readNetworkClass(configuration, patchSize.length);

  const stageCount = kwargs.get("n_stages").integer();
  if (stageCount < 2 || stageCount > maxStages) {
    throw sharedError("PLANS_UNSUPPORTED", `${kwargs.path}.n_stages is ${stageCount}`);
  }
  const perStage = (field: Field): Field[] => expand(field, stageCount);
  const features = perStage(kwargs.get("features_per_stage"));
  const kernels = perStage(kwargs.get("kernel_sizes"));
  const strides = perStage(kwargs.get("strides"));
  const blocks = perStage(kwargs.get(blocksKey[architecture]));
  const bottlenecks = perStage(kwargs.get("bottleneck_channels"));
  const residual = architecture === "PlainConvUNet" ? null : readResidual(kwargs, features[0] as Field);
  const stages = features.map((field, stage): StagePlan => {
    const axes = patchSize.length;
    return {
      features: positive(field),
      kernel: perAxis(kernels[stage] as Field, axes),
      stride: perAxis(strides[stage] as Field, axes),
      blocks: countOf(blocks[stage] as Field),
      bottleneckChannels: residual?.block === "bottleneck" ? positive(bottlenecks[stage] as Field) : null,
    };
  });
  checkFirstStride(stages[0]!.stride, kwargs);
  const hasConvolutionBias = flag(kwargs.get("conv_bias"));
  return {
    architecture,
    inputChannels,
    outputChannels,
    patchSize,
    stages,
    decoder: expand(kwargs.get("n_conv_per_stage_decoder"), stageCount - 1).map((blockCount, s) => ({
      // A decoder stage has the kernel of the encoder stage that it is connected to.
      kernel: (stages[stageCount - 2 - s] as StagePlan).kernel,
      blocks: countOf(blockCount),
    })),
    hasConvolutionBias,
    hasUpsamplingBias: hasConvolutionBias,
    hasHeadBias: true,
    normalization: readNormalization(kwargs),
    activation: readActivation(kwargs),
    isActivationFirst: flag(kwargs.get("nonlin_first")),
    residual,
  };
}

const maxStages = 32;

/**
 * Checks that the first stage keeps the resolution of the patch, because the decoder ends at the first
 * stage's resolution.
 */
function checkFirstStride(stride: readonly number[], kwargs: Field): void {
  if (stride.every((step) => step === 1)) return;
  throw sharedError(
    "PLANS_UNSUPPORTED",
    `${kwargs.path}.strides begins with ${stride.join("×")}, but the first stage's stride must be 1: the network's output would be smaller than its patch, and nnU-Net cannot run it either`,
  );
}

function readResidual(kwargs: Field, firstFeatures: Field): ResidualPlan {
  const block = kwargs.get("block");
  const stem = kwargs.get("stem_channels");
  const name = block.isNull ? "BasicBlockD" : className(block);
  if (name !== "BasicBlockD" && name !== "BottleneckD") throw unsupported(block);
  return {
    block: name === "BasicBlockD" ? "basic" : "bottleneck",
    stemChannels: positive(stem.isNull ? firstFeatures : stem),
  };
}

/** Returns one entry per stage; a single value applies to all of them. */
function expand(field: Field, length: number): Field[] {
  if (field.isNull || !field.isList) return Array.from({ length }, () => field);
  const entries = field.list();
  if (entries.length !== length) {
    throw builderError(
      "MODEL_FILE_INVALID",
      `${field.path} has ${counted(entries.length, "entry", "entries")}, not ${length}`,
    );
  }
  return entries;
}

function perAxis(field: Field, axes: number): number[] {
  return expand(field, axes).map(positive);
}

function positive(field: Field): number {
  const value = field.integer();
  if (value > 0) return value;
  throw builderError("MODEL_FILE_INVALID", `${field.path} is ${value}`);
}

/** Reads the number of stages or blocks, within a limit because each one is built. */
function countOf(field: Field): number {
  const value = positive(field);
  if (value <= maxBlocks) return value;
  throw sharedError("PLANS_UNSUPPORTED", `${field.path} is ${value}`);
}

const maxBlocks = 1000;
