import { counted } from "../../../processor/contract/counted.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { Field } from "../fields.js";
import type {
  ActivationPlan,
  ArchitectureName,
  NetworkPlan,
  NormalizationPlan,
  ResidualPlan,
  StagePlan,
} from "../network/network-plan.js";

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
  const { architecture, kwargs } = readArchitecture(configuration, patchSize.length);
  checkArguments(architecture, kwargs);

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

type ArchitectureOfV2 = Exclude<ArchitectureName, "Generic_UNet" | "FabiansUNet">;

const blocksKey = {
  PlainConvUNet: "n_conv_per_stage",
  ResidualEncoderUNet: "n_blocks_per_stage",
  ResidualUNet: "n_blocks_per_stage",
} as const satisfies Record<ArchitectureOfV2, string>;

const commonArguments = [
  "n_stages",
  "features_per_stage",
  "conv_op",
  "kernel_sizes",
  "strides",
  "n_conv_per_stage_decoder",
  "conv_bias",
  "norm_op",
  "norm_op_kwargs",
  "dropout_op",
  "dropout_op_kwargs",
  "nonlin",
  "nonlin_kwargs",
  "deep_supervision",
];
const residualArguments = ["n_blocks_per_stage", "block", "bottleneck_channels", "stem_channels"];

const knownArguments: Record<ArchitectureOfV2, readonly string[]> = {
  PlainConvUNet: [...commonArguments, "n_conv_per_stage", "nonlin_first"],
  ResidualEncoderUNet: [...commonArguments, ...residualArguments],
  ResidualUNet: [...commonArguments, ...residualArguments],
};

interface Architecture {
  readonly architecture: ArchitectureOfV2;
  readonly kwargs: Field;
}

function readArchitecture(configuration: Field, dimensions: number): Architecture {
  const block = configuration.get("architecture");
  if (block.isNull) return readOldArchitecture(configuration, dimensions);
  return {
    architecture: architectureName(block.get("network_class_name")),
    kwargs: block.get("arch_kwargs"),
  };
}

/**
 * Plans from before nnU-Net 2.4 have no `architecture`. nnU-Net builds the same network from the older keys.
 */
function readOldArchitecture(configuration: Field, dimensions: number): Architecture {
  const architecture = architectureName(configuration.get("UNet_class_name"));
  const blocks = configuration.get("n_conv_per_stage_encoder");
  const stages = blocks.list().length;
  const base = configuration.get("UNet_base_num_features").integer();
  const cap = configuration.get("unet_max_num_features").integer();
  const kwargs = new Map<string, unknown>([
    ["n_stages", stages],
    ["features_per_stage", Array.from({ length: stages }, (_, stage) => Math.min(base * 2 ** stage, cap))],
    ["conv_op", `torch.nn.modules.conv.Conv${dimensions}d`],
    ["kernel_sizes", configuration.get("conv_kernel_sizes").raw],
    ["strides", configuration.get("pool_op_kernel_sizes").raw],
    [blocksKey[architecture], blocks.raw],
    ["n_conv_per_stage_decoder", configuration.get("n_conv_per_stage_decoder").raw],
    ["conv_bias", true],
    ["norm_op", `torch.nn.modules.instancenorm.InstanceNorm${dimensions}d`],
    ["norm_op_kwargs", { eps: 1e-5, affine: true }],
    ["nonlin", "torch.nn.LeakyReLU"],
    ["nonlin_kwargs", { inplace: true }],
  ]);
  return { architecture, kwargs: new Field(kwargs, configuration.path) };
}

/**
 * Returns the class name without its module, as nnU-Net does, because modules were moved between releases.
 */
function architectureName(field: Field): ArchitectureOfV2 {
  const name = className(field);
  if (Object.hasOwn(knownArguments, name)) return name as ArchitectureOfV2;
  throw builderError("ARCHITECTURE_UNKNOWN", `${field.path} is ${field.text()}`);
}

function checkArguments(architecture: ArchitectureOfV2, kwargs: Field): void {
  const unknown = kwargs.keys().find((key) => !knownArguments[architecture].includes(key));
  if (unknown !== undefined) {
    throw sharedError(
      "PLANS_UNSUPPORTED",
      `${kwargs.path} has ${unknown}, which ${architecture} does not accept`,
    );
  }
  const convolution = className(kwargs.get("conv_op"));
  if (convolution !== "Conv2d" && convolution !== "Conv3d") throw unsupported(kwargs.get("conv_op"));
}

function readNormalization(kwargs: Field): NormalizationPlan | null {
  const field = kwargs.get("norm_op");
  if (field.isNull) return null;
  const name = className(field);
  if (name === "Identity") return null;
  const [, kind] =
    name === "SyncBatchNorm" ? ["", "Batch"] : (/^(Instance|Batch)Norm[23]d$/.exec(name) ?? []);
  if (kind === undefined) throw unsupported(field);
  const options = kwargs.get("norm_op_kwargs");
  const option = (key: string): Field => (options.isNull ? options : options.get(key));
  const affine = option("affine");
  const isTracked = flag(option("track_running_stats"));
  return {
    // At inference, an InstanceNorm with running statistics computes the same as a BatchNorm.
    kind: kind === "Batch" || isTracked ? "batch" : "instance",
    epsilon: option("eps").isNull ? 1e-5 : option("eps").number(),
    isAffine: affine.isNull ? kind === "Batch" : affine.boolean(),
  };
}

function readActivation(kwargs: Field): ActivationPlan | null {
  const field = kwargs.get("nonlin");
  if (field.isNull) return null;
  const options = kwargs.get("nonlin_kwargs");
  const number = (key: string, usual: number): number => {
    const option = options.isNull ? options : options.get(key);
    return option.isNull ? usual : option.number();
  };
  const name = className(field);
  const kind = plainActivations.get(name);
  if (kind !== undefined) return { kind };
  switch (name) {
    case "LeakyReLU":
      return { kind: "leakyRelu", slope: number("negative_slope", 0.01) };
    case "RReLU": // inference uses the middle of its range
      return { kind: "leakyRelu", slope: (number("lower", 1 / 8) + number("upper", 1 / 3)) / 2 };
    case "ReLU":
      return { kind: "relu", slope: 0 };
    case "ELU":
      return { kind: "elu", alpha: number("alpha", 1) };
    case "GELU":
      return { kind: "gelu", approximation: gelu(options) };
    case "Softplus":
      if (number("beta", 1) !== 1 || number("threshold", 20) !== 20) throw unsupported(options);
      return { kind: "softplus" };
    case "Identity":
      return null;
    default:
      throw unsupported(field);
  }
}

/** Activations of torch.nn that have no arguments relevant to inference. */
const plainActivations: ReadonlyMap<string, "mish" | "silu" | "selu" | "tanh" | "sigmoid"> = new Map([
  ["Mish", "mish"],
  ["SiLU", "silu"],
  ["SELU", "selu"],
  ["Tanh", "tanh"],
  ["Sigmoid", "sigmoid"],
]);

function gelu(options: Field): "none" | "tanh" {
  const approximate = options.isNull ? options : options.get("approximate");
  if (approximate.isNull) return "none";
  const name = approximate.string();
  if (name === "none" || name === "tanh") return name;
  throw unsupported(approximate);
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

const flag = (field: Field): boolean => (field.isNull ? false : field.boolean());

const className = (field: Field): string => field.string().split(".").at(-1) as string;

const unsupported = (field: Field) =>
  sharedError("PLANS_UNSUPPORTED", `${field.path} is ${field.text()}, which inference does not support`);
