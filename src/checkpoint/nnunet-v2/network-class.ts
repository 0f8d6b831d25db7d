import { sharedError } from "../../../processor/contract/shared-errors.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { Field } from "../fields.js";
import type { ArchitectureName } from "../network/network-plan.js";
import { className, unsupported } from "./plan-values.js";

type ArchitectureOfV2 = Extract<ArchitectureName, "PlainConvUNet" | "ResidualEncoderUNet" | "ResidualUNet">;

/** The argument with the number of blocks of each encoder stage. */
export const blocksKey = {
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

/** The class of a network, and the arguments of its constructor. */
export interface NetworkClass {
  readonly architecture: ArchitectureOfV2;
  readonly kwargs: Field;
}

/**
 * Reads the class of the network and its arguments.
 *
 * @throws ARCHITECTURE_UNKNOWN for an unknown class, PLANS_UNSUPPORTED for an argument that the class does not accept
 */
export function readNetworkClass(configuration: Field, dimensions: number): NetworkClass {
  const found = readArchitecture(configuration, dimensions);
  checkArguments(found);
  return found;
}

function readArchitecture(configuration: Field, dimensions: number): NetworkClass {
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
function readOldArchitecture(configuration: Field, dimensions: number): NetworkClass {
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

function checkArguments({ architecture, kwargs }: NetworkClass): void {
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
