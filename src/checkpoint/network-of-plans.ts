import { ProcessorError } from "../../processor/errors.js";
import type { Activation, Normalization } from "../onnx/network-builder.js";
import type { NetworkDescription } from "../onnx/network-description.js";
import { numbersAt, objectAt, type ResolvedPlans } from "./plans.js";

type Json = Readonly<Record<string, unknown>>;

/** The network that plans.json describes, by its `architecture` block or, in old plans, by the planner's own keys. */
export function networkOfPlans(
  resolved: ResolvedPlans,
  channels: { readonly input: number; readonly output: number },
): NetworkDescription {
  const { path, configuration } = resolved;
  const { className, kwargs } =
    "architecture" in configuration
      ? architectureBlock(path, configuration)
      : oldArchitecture(path, configuration);
  const patchSize = numbersAt(path, configuration, "patch_size");
  const dimensions = patchSize.length === 2 ? 2 : 3;
  const at = new KwargsReader(path, kwargs, dimensions);
  const stages = at.integer("n_stages");
  const blocksKey = className === "ResidualEncoderUNet" ? "n_blocks_per_stage" : "n_conv_per_stage";
  return {
    className,
    dimensions,
    inputChannels: channels.input,
    outputChannels: channels.output,
    patchSize,
    features: at.perStage("features_per_stage", stages),
    kernels: at.perStageAxes("kernel_sizes", stages),
    strides: at.perStageAxes("strides", stages),
    encoderBlocks: at.perStage(blocksKey in kwargs ? blocksKey : "n_conv_per_stage", stages),
    decoderConvolutions: at.perStage("n_conv_per_stage_decoder", stages - 1),
    hasConvolutionBias: kwargs["conv_bias"] === true,
    normalization: normalization(path, kwargs),
    activation: activation(path, kwargs),
    activationFirst: kwargs["nonlin_first"] === true,
    pool: kwargs["pool"] === "avg" || kwargs["pool"] === "max" ? kwargs["pool"] : "conv",
    bottleneckChannels:
      baseName(kwargs["block"]) === "BottleneckD" ? at.perStage("bottleneck_channels", stages) : null,
    stemChannels: typeof kwargs["stem_channels"] === "number" ? kwargs["stem_channels"] : null,
    squeezeExcitationRatio:
      kwargs["squeeze_excitation"] === true
        ? Number(kwargs["squeeze_excitation_reduction_ratio"] ?? 1 / 16)
        : null,
  };
}

function architectureBlock(
  path: string,
  configuration: Json,
): { readonly className: string; readonly kwargs: Json } {
  const architecture = objectAt(path, configuration, "architecture");
  return {
    className: baseName(architecture["network_class_name"]),
    kwargs: objectAt(path, architecture, "arch_kwargs"),
  };
}

/** Plans before nnU-Net 2.4 name the class and the pools; the rest was fixed in code. */
function oldArchitecture(
  path: string,
  configuration: Json,
): { readonly className: string; readonly kwargs: Json } {
  const className = baseName(configuration["UNet_class_name"]);
  const blocks = numbersAt(path, configuration, "n_conv_per_stage_encoder");
  const base = Number(configuration["UNet_base_num_features"]);
  const maximum = Number(configuration["unet_max_num_features"]);
  return {
    className,
    kwargs: {
      n_stages: blocks.length,
      features_per_stage: blocks.map((_, stage) => Math.min(base * 2 ** stage, maximum)),
      kernel_sizes: configuration["conv_kernel_sizes"],
      strides: configuration["pool_op_kernel_sizes"],
      [className === "ResidualEncoderUNet" ? "n_blocks_per_stage" : "n_conv_per_stage"]: blocks,
      n_conv_per_stage_decoder: configuration["n_conv_per_stage_decoder"],
      conv_bias: true,
      norm_op: "InstanceNorm",
      norm_op_kwargs: { eps: 1e-5, affine: true },
      nonlin: "LeakyReLU",
    },
  };
}

/** Reads kwargs that may be one number for all stages or a list, as nnU-Net's classes accept them. */
class KwargsReader {
  constructor(
    private readonly path: string,
    private readonly kwargs: Json,
    private readonly dimensions: number,
  ) {}

  integer(key: string): number {
    const value = this.kwargs[key];
    if (typeof value === "number" && Number.isInteger(value) && value > 0 && value < 64) return value;
    throw this.invalid(key);
  }

  perStage(key: string, stages: number): readonly number[] {
    const value = this.kwargs[key];
    const list = typeof value === "number" ? Array.from({ length: stages }, () => value) : value;
    if (!Array.isArray(list) || list.length !== stages || !list.every(isPositiveInteger))
      throw this.invalid(key);
    return list;
  }

  perStageAxes(key: string, stages: number): readonly (readonly number[])[] {
    const value = this.kwargs[key];
    const list: unknown = typeof value === "number" ? Array.from({ length: stages }, () => value) : value;
    if (!Array.isArray(list) || list.length !== stages) throw this.invalid(key);
    return list.map((entry: unknown) => {
      const axes = typeof entry === "number" ? Array.from({ length: this.dimensions }, () => entry) : entry;
      if (!Array.isArray(axes) || axes.length !== this.dimensions || !axes.every(isPositiveInteger))
        throw this.invalid(key);
      return axes as number[];
    });
  }

  private invalid(key: string): ProcessorError {
    return new ProcessorError(
      "MODEL_FILE_INVALID",
      `${this.path}: ${key} of the network is ${JSON.stringify(this.kwargs[key])}, which does not fit its stages`,
    );
  }
}

const isPositiveInteger = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) > 0;

function normalization(path: string, kwargs: Json): Normalization {
  const name = baseName(kwargs["norm_op"]);
  const options = (kwargs["norm_op_kwargs"] ?? {}) as Json;
  const epsilon = typeof options["eps"] === "number" ? options["eps"] : 1e-5;
  if (name === "") return { kind: "none" };
  // InstanceNorm is not affine unless asked to be, BatchNorm is.
  if (name.startsWith("InstanceNorm"))
    return { kind: "instance", epsilon, isAffine: options["affine"] === true };
  if (name.startsWith("BatchNorm")) return { kind: "batch", epsilon, isAffine: options["affine"] !== false };
  throw new ProcessorError(
    "ARCHITECTURE_UNKNOWN",
    `${path}: norm_op ${name}; known are InstanceNorm and BatchNorm`,
  );
}

function activation(path: string, kwargs: Json): Activation {
  const name = baseName(kwargs["nonlin"]);
  const options = (kwargs["nonlin_kwargs"] ?? {}) as Json;
  if (name === "") return { kind: "none" };
  if (name === "ReLU") return { kind: "relu" };
  if (name === "LeakyReLU") {
    return {
      kind: "leaky-relu",
      slope: typeof options["negative_slope"] === "number" ? options["negative_slope"] : 0.01,
    };
  }
  throw new ProcessorError("ARCHITECTURE_UNKNOWN", `${path}: nonlin ${name}; known are LeakyReLU and ReLU`);
}

/** `torch.nn.modules.conv.Conv3d` → `Conv3d`; empty for null. */
const baseName = (dotted: unknown): string =>
  typeof dotted === "string" ? (dotted.split(".").at(-1) ?? "") : "";
