import { product } from "./percentile.js";
import type { PlannerConstants } from "./planners.js";
import type { Topology } from "./topology.js";

/** The features of the first stage; every further stage has twice as many, up to a limit. */
const baseFeatures = 32;

/** The stages of a planned network. */
export interface NetworkShape {
  readonly features: readonly number[];
  /** Convolutions (plain) or residual blocks of each stage of the encoder. */
  readonly encoder: readonly number[];
  /** Convolutions of each stage of the decoder. */
  readonly decoder: readonly number[];
}

/** The blocks of a residual encoder's stages; further stages have as many as the last. */
const residualBlocks = [1, 3, 4, 6];

export function networkShape(
  { strides }: Topology,
  { network }: Pick<PlannerConstants, "network">,
): NetworkShape {
  const isPlain = network === "PlainConvUNet";
  const dimensions = strides[0]!.length;
  const mostFeatures = dimensions === 3 ? 320 : 512;
  return {
    features: strides.map((_, stage) => Math.min(baseFeatures * 2 ** stage, mostFeatures)),
    encoder: strides.map((_, stage) => (isPlain ? 2 : (residualBlocks[stage] ?? residualBlocks.at(-1)!))),
    decoder: strides.slice(1).map(() => (isPlain ? 2 : 1)),
  };
}

export interface FeatureCountQuestion {
  readonly topology: Topology;
  readonly constants: Pick<PlannerConstants, "network">;
  /** The entries of `labels` in dataset.json, including background and ignore. */
  readonly labelCount: number;
}

/**
 * Returns how many values the feature maps of one patch have, which is nnU-Net's estimate of the GPU memory that
 * training needs.
 */
export function countFeatures({ topology, constants, labelCount }: FeatureCountQuestion): number {
  const { strides, patch } = topology;
  const { features, encoder, decoder } = networkShape(topology, constants);
  const voxels = stageSizes(topology).map(product);
  const isPlain = constants.network === "PlainConvUNet";
  let sum = isPlain ? 0 : features[0]! * product(patch);
  for (const [stage, map] of voxels.entries()) {
    const changes =
      strides[stage]!.some((stride) => stride > 1) ||
      features[stage] !== (features[stage - 1] ?? features[0]);
    const outputs = isPlain ? encoder[stage]! : 2 * encoder[stage]! + (changes ? 1 : 0);
    sum += outputs * features[stage]! * map;
  }
  if (strides.length === 1) return sum;
  for (let stage = strides.length - 2; stage >= 0; stage--)
    sum += features[stage]! * voxels[stage]! * (decoder[stage]! + 1);
  return sum + labelCount * voxels[0]!;
}

/** Returns the size of the feature maps of each stage, in voxels. */
export function stageSizes({
  strides,
  patch,
}: Pick<Topology, "strides" | "patch">): readonly (readonly number[])[] {
  let size = patch;
  return strides.map((stride) => {
    size = size.map((value, axis) => Math.floor(value / stride[axis]!));
    return size;
  });
}
