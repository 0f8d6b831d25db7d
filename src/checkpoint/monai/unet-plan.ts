import type { NetworkPlan } from "../network/network-plan.js";
import { type BundlePart, unsupported } from "./bundle-part.js";
import { activationOf, normalizationOf, type PlanSources, perSpatialAxis } from "./network-arguments.js";

/** Reads the arguments of MONAI's `UNet`. */
export function monaiUNetPlan(
  part: BundlePart,
  { patchSize, weights, dimensions }: PlanSources,
): NetworkPlan {
  const channels = part.get("channels").integers();
  const strides = part
    .get("strides")
    .list()
    .slice(0, channels.length - 1)
    .map((stride) => perSpatialAxis(stride, dimensions));
  if (channels.length < 2 || channels.length > maxLevels || strides.length !== channels.length - 1)
    throw unsupported(
      part.place,
      `channels has ${channels.length} entries and strides ${strides.length}; there should be 2 to ${maxLevels} channels and one stride less`,
    );
  const size = (key: string): readonly number[] =>
    part.get(key).isNull ? patchSize.map(() => 3) : perSpatialAxis(part.get(key), dimensions);
  const kernels = { kernel: size("kernel_size"), upsamplingKernel: size("up_kernel_size") };
  if ([...kernels.kernel, ...kernels.upsamplingKernel].some((length) => length % 2 === 0))
    throw unsupported(part.place, "kernels of an even size are not built in");
  const act = part.get("act");
  const norm = part.get("norm");
  // Absent means MONAI's default, and null means none; the tensors tell which of the two it is.
  const names = [...weights.keys()];
  const isAffine = names.some((name) => name.endsWith(".adn.N.weight"));
  const activation = act.isNull && !part.has("act") ? "prelu" : activationOf(act);
  const plan: NetworkPlan = {
    architecture: "MonaiUNet",
    inputChannels: part.get("in_channels").integer(),
    outputChannels: part.get("out_channels").integer(),
    patchSize,
    stages: [],
    decoder: [],
    hasConvolutionBias: part.boolean("bias", true),
    hasUpsamplingBias: part.boolean("bias", true),
    hasHeadBias: part.boolean("bias", true),
    normalization:
      norm.isNull && !part.has("norm")
        ? { kind: "instance", epsilon: 1e-5, isAffine: false }
        : normalizationOf(norm, isAffine),
    activation: activation === "prelu" ? null : activation,
    isActivationFirst: false,
    residual: null,
    monaiUNet: {
      channels,
      strides,
      ...kernels,
      residualUnits: part.number("num_res_units", 0),
      order: orderOf(part),
      hasLearntSlopes: activation === "prelu",
    },
  };
  part.finish("dropout");
  return plan;
}

/** More levels than any volume has. */
const maxLevels = 16;

function orderOf(part: BundlePart): string {
  const field = part.get("adn_ordering");
  const order = field.isNull ? "NDA" : field.string().toUpperCase();
  if (/^[AND]{1,3}$/.test(order) && new Set(order).size === order.length) return order;
  throw unsupported(part.place, `adn_ordering is ${field.text()}, but should be an order of A, D and N`);
}
