import { builderError } from "../../ground/errors/builder-errors.js";
import type { NetworkWeights } from "../network/checkpoint.js";
import type { NetworkPlan, StagePlan } from "../network/network-plan.js";
import { type BundlePart, unsupported } from "./bundle-part.js";
import { activationOf, normalizationOf, type PlanSources, perSpatialAxis } from "./network-arguments.js";

/** Reads the arguments of MONAI's `DynUNet`. Its tensors say how wide each stage is. */
export function dynUNetPlan(part: BundlePart, { patchSize, weights, dimensions }: PlanSources): NetworkPlan {
  const kernels = part
    .get("kernel_size")
    .list()
    .map((kernel) => perSpatialAxis(kernel, dimensions));
  const strides = part
    .get("strides")
    .list()
    .map((stride) => perSpatialAxis(stride, dimensions));
  const upsampling = part
    .get("upsample_kernel_size")
    .list()
    .map((kernel) => perSpatialAxis(kernel, dimensions));
  const count = kernels.length;
  if (count < 3 || count > 16 || strides.length !== count || upsampling.length !== count - 1)
    throw unsupported(
      part.place,
      `it has ${count} kernels, ${strides.length} strides and ${upsampling.length} upsampling kernels`,
    );
  if (upsampling.some((kernel, i) => kernel.some((size, axis) => size !== strides[i + 1]![axis])))
    throw unsupported(part.place, "upsample_kernel_size other than the strides is not built in");
  if (strides[0]!.some((step) => step !== 1))
    throw unsupported(part.place, "a first stride above 1 is not built in");
  if (kernels.some((kernel) => kernel.some((size) => size % 2 === 0)))
    throw unsupported(part.place, "kernels of an even size are not built in");
  const names = [
    "input_block",
    ...Array.from({ length: count - 2 }, (_, i) => `downsamples.${i}`),
    "bottleneck",
  ];
  const stages = names.map((name, stage): StagePlan => {
    const features = featuresOf(weights, `${name}.conv1.conv.weight`, part);
    return {
      features,
      kernel: kernels[stage]!,
      stride: strides[stage]!,
      blocks: 2,
      bottleneckChannels: null,
    };
  });
  const norm = part.get("norm_name");
  const act = part.get("act_name");
  const activation = part.has("act_name") ? activationOf(act) : ({ kind: "leakyRelu", slope: 0.01 } as const);
  if (activation === "prelu")
    throw unsupported(part.place, "DynUNet with the activation prelu is not built in");
  const plan: NetworkPlan = {
    architecture: "DynUNet",
    inputChannels: part.get("in_channels").integer(),
    outputChannels: part.get("out_channels").integer(),
    patchSize,
    stages,
    decoder: kernels
      .slice(1)
      .reverse()
      .map((kernel) => ({ kernel, blocks: 2 })),
    hasConvolutionBias: weights.has("input_block.conv1.conv.bias"),
    hasUpsamplingBias: weights.has("upsamples.0.transp_conv.conv.bias"),
    hasHeadBias: weights.has("output_block.conv.conv.bias"),
    normalization: part.has("norm_name")
      ? normalizationOf(norm, weights.has("input_block.norm1.weight"))
      : { kind: "instance", epsilon: 1e-5, isAffine: true },
    activation,
    isActivationFirst: false,
    residual: part.boolean("res_block", false) ? { block: "basic", stemChannels: 0 } : null,
  };
  for (const key of ["filters", "deep_supervision", "deep_supr_num", "trans_bias"]) part.get(key);
  part.finish("dropout");
  return plan;
}

function featuresOf(weights: NetworkWeights, name: string, part: BundlePart): number {
  const features = weights.get(name)?.shape[0];
  if (features !== undefined) return features;
  throw builderError(
    "TENSOR_MISMATCH",
    `${part.place}: the weights do not fit the network: ${name} is missing`,
  );
}
