import { sharedError } from "../../../processor/contract/shared-errors.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { printable } from "../../ground/untrusted/printable.js";
import type { Field } from "../fields.js";
import type { NetworkWeights } from "../network/checkpoint.js";
import type {
  ActivationPlan,
  NetworkPlan,
  NormalizationPlan,
  NvidiaArchitecture,
  StagePlan,
} from "../network/network-plan.js";
import type { NvidiaConfig } from "./config-pickle.js";

export interface NvidiaNetworkSources {
  readonly weights: NetworkWeights;
  readonly args: Field;
  readonly config: NvidiaConfig;
  /** For messages. */
  readonly source: string;
}

/**
 * Reads the network from the names and shapes of its tensors, which say everything but the strides of the UNet3D for
 * BraTS 2022. NVIDIA computes the strides from config.pkl; both must agree.
 *
 * @throws ARCHITECTURE_UNKNOWN, TENSOR_MISMATCH, PLANS_UNSUPPORTED
 */
export function readNvidiaNetwork(sources: NvidiaNetworkSources): NetworkPlan {
  const { weights, args, config, source } = sources;
  const architecture = architectureOf(weights, source);
  const upsamplings = countOf(weights, "upsamples");
  const shapes = new ShapeReader(weights, source);
  const axes = config.patchSize.length;
  const one = config.patchSize.map(() => 1);
  const strides = [one];
  for (let i = 0; i < upsamplings; i++) {
    const upsampling = upsamplings - 1 - i;
    const stride =
      architecture === "NvidiaUNet3D"
        ? one.map(() => 2)
        : shapes.of(`upsamples.${upsampling}.${transposed[architecture]}.weight`).slice(2);
    strides.push(stride);
  }
  if (architecture !== "NvidiaUNet3D") compareStrides(strides, sources);
  checkPatch(strides, config);
  const blocks = [
    "input_block",
    ...Array.from({ length: upsamplings - 1 }, (_, i) => `downsamples.${i}`),
    "bottleneck",
  ];
  const stages = blocks.map((block, stage): StagePlan => {
    const name =
      architecture === "NvidiaUNet3D" && stage === 0 ? `${block}.conv1.weight` : `${block}.conv1.conv.weight`;
    const [features = 0, , ...kernel] = shapes.of(name);
    if (kernel.length !== axes)
      throw mismatch(source, `${name} has ${kernel.length} spatial axes, config.pkl ${axes}`);
    return { features, kernel, stride: strides[stage]!, blocks: 2, bottleneckChannels: null };
  });
  const inputName =
    architecture === "NvidiaUNet3D" ? "input_block.conv1.weight" : "input_block.conv1.conv.weight";
  const head = architecture === "DynUNet" ? "output_block.conv.conv.weight" : "output_block.conv.weight";
  const isResidual = weights.has(
    architecture === "DynUNet" ? "input_block.conv3.conv.weight" : "input_block.norm.weight",
  );
  return {
    architecture,
    inputChannels: shapes.of(inputName)[1]!,
    outputChannels: shapes.of(head)[0]!,
    patchSize: config.patchSize,
    stages,
    decoder: Array.from({ length: upsamplings }, (_, i) => ({
      kernel: shapes.of(`upsamples.${i}.conv_block.conv1.conv.weight`).slice(2),
      blocks: 2,
    })),
    hasConvolutionBias: false,
    hasUpsamplingBias: architecture !== "NvidiaUNet3D",
    hasHeadBias: true,
    normalization: normalizationOf(architecture, sources),
    activation: activationOf(architecture, args),
    isActivationFirst: false,
    residual: isResidual && architecture !== "NvidiaUNet3D" ? { block: "basic", stemChannels: 0 } : null,
  };
}

const transposed = {
  DynUNet: "transp_conv.conv",
  NvidiaUNet: "transp_conv",
  NvidiaAttentionUNet: "transp_conv",
} as const;

/** Returns the network by the names that only it has. */
function architectureOf(weights: NetworkWeights, source: string): NvidiaArchitecture {
  if (weights.has("upsamples.0.transp_conv.conv.weight")) return "DynUNet";
  if (weights.has("upsamples.0.conv_o.conv.weight")) return "NvidiaAttentionUNet";
  if (weights.has("upsamples.0.transp_conv.weight")) return "NvidiaUNet";
  if (weights.has("upsamples.0.conv_block.conv1.norm.weight")) return "NvidiaUNet3D";
  const names = [...weights.keys()];
  const isUnetr = names.some((name) => name.startsWith("vit."));
  const what = isUnetr
    ? "it holds a UNETR, which is not supported"
    : `its tensors are of none of NVIDIA's U-Nets: ${names.slice(0, 3).map(printable).join(", ")}, …`;
  throw builderError("ARCHITECTURE_UNKNOWN", `${source}: ${what}`);
}

/** More levels than any volume has. */
const maxLevels = 16;

function countOf(weights: NetworkWeights, list: string): number {
  let count = 0;
  const isUsed = (i: number) => weights.has(`${list}.${i}.conv_block.conv1.conv.weight`);
  while (count < maxLevels && isUsed(count)) count++;
  return count;
}

class ShapeReader {
  readonly #weights: NetworkWeights;
  readonly #source: string;

  constructor(weights: NetworkWeights, source: string) {
    this.#weights = weights;
    this.#source = source;
  }

  of(name: string): readonly number[] {
    const shape = this.#weights.get(name)?.shape;
    if (shape === undefined) throw mismatch(this.#source, `${name} is missing`);
    if (shape.length < 3) throw mismatch(this.#source, `${name} is not the weight of a convolution`);
    return shape;
  }
}

const mismatch = (source: string, what: string) =>
  builderError("TENSOR_MISMATCH", `${source} does not fit the network: ${what}`);

/** Compares the kernels of the transposed convolutions with the strides of NVIDIA's `get_unet_params`. */
function compareStrides(
  found: readonly (readonly number[])[],
  { args, config, source }: NvidiaNetworkSources,
): void {
  const depth = numberOr(args, "depth", 5);
  const smallest = numberOr(args, "min_fmap", 4);
  const computed = nvidiaStrides(config, { depth, smallest });
  const text = (strides: readonly (readonly number[])[]) =>
    strides.map((stride) => stride.join("×")).join(", ");
  if (text(found) === text(computed)) return;
  throw mismatch(
    source,
    `its transposed convolutions have the strides ${text(found)}, but patch_size ${config.patchSize.join(", ")} and spacings ${config.spacingsMm.join(", ")} of config.pkl with depth ${depth} and min_fmap ${smallest} mean ${text(computed)}. Is config.pkl of this training?`,
  );
}

/**
 * Returns the strides of the encoder's stages: an axis is halved while its spacing is at most twice the smallest and its
 * size at least twice `smallest`.
 *
 * @example for patch 32×32×32, spacing 1×1×1, depth 5 and smallest 4: 1×1×1, then three times 2×2×2
 */
export function nvidiaStrides(
  { patchSize, spacingsMm }: Pick<NvidiaConfig, "patchSize" | "spacingsMm">,
  { depth, smallest }: { readonly depth: number; readonly smallest: number },
): readonly (readonly number[])[] {
  const strides: (readonly number[])[] = [patchSize.map(() => 1)];
  let sizes = patchSize;
  let spacings = spacingsMm;
  while (strides.length <= Math.min(depth, maxLevels)) {
    const least = Math.min(...spacings);
    const stride = sizes.map((size, axis) => (spacings[axis]! / least <= 2 && size >= 2 * smallest ? 2 : 1));
    if (stride.every((step) => step === 1)) break;
    sizes = sizes.map((size, axis) => size / stride[axis]!);
    spacings = spacings.map((spacing, axis) => spacing * stride[axis]!);
    strides.push(stride);
  }
  return strides;
}

/** @throws PLANS_UNSUPPORTED for a patch whose halves do not meet the skips, which NVIDIA's program cannot run either */
function checkPatch(strides: readonly (readonly number[])[], { patchSize }: NvidiaConfig): void {
  const total = patchSize.map((_, axis) =>
    strides.reduce((product, stride) => product * (stride[axis] ?? 1), 1),
  );
  if (patchSize.every((size, axis) => size % total[axis]! === 0)) return;
  throw sharedError(
    "PLANS_UNSUPPORTED",
    `the patch ${patchSize.join("×")} cannot be divided by the network's strides ${total.join("×")}`,
  );
}

function normalizationOf(
  architecture: NvidiaArchitecture,
  { weights, args, source }: NvidiaNetworkSources,
): NormalizationPlan {
  const common = { epsilon: 1e-5, isAffine: true } as const;
  if ([...weights.keys()].some((name) => /^input_block\..*running_mean$/.test(name)))
    return { kind: "batch", ...common };
  const named = args.get("norm");
  const norm = named.isString ? named.string() : "instance";
  if (norm !== "group") return { kind: "instance", ...common };
  if (architecture === "DynUNet" || architecture === "NvidiaUNet3D")
    throw sharedError(
      "PLANS_UNSUPPORTED",
      `${source}: norm is group, with which NVIDIA's program does not build ${architecture}`,
    );
  return { kind: "group", groups: 32, ...common };
}

/** DynUNet ignores `--negative_slope`; the UNet3D has plain ReLUs. */
function activationOf(architecture: NvidiaArchitecture, args: Field): ActivationPlan {
  if (architecture === "NvidiaUNet3D") return { kind: "relu", slope: 0 };
  return {
    kind: "leakyRelu",
    slope: architecture === "DynUNet" ? 0.01 : numberOr(args, "negative_slope", 0.01),
  };
}

export function numberOr(args: Field, name: string, otherwise: number): number {
  const field = args.get(name);
  return field.isNumber ? field.number() : otherwise;
}
