import { roundHalfToEven } from "../../../processor/imaging/volume/round-half-to-even.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { countFeatures } from "./network-size.js";
import { product } from "./percentile.js";
import type { PlannerConstants } from "./planners.js";
import { type Topology, topologyOf } from "./topology.js";

export interface ConfigurationQuestion {
  /** In mm, transposed; two axes for 2d. */
  readonly spacing: readonly number[];
  /** The median size of the images at this spacing, in voxels; it may be fractional. */
  readonly medianSize: readonly number[];
  /** The voxels of all images at this spacing, as the planner estimates them. */
  readonly datasetVoxels: number;
  readonly constants: PlannerConstants;
  readonly gigabytes: number;
  readonly labelCount: number;
}

/** One step in which the planner made the patch smaller. */
export interface PatchStep {
  readonly axis: number;
  readonly patch: readonly number[];
  readonly features: number;
}

/** A configuration as planned, with the reasons for it. */
export interface PlannedConfiguration {
  readonly spacing: readonly number[];
  readonly medianSize: readonly number[];
  readonly topology: Topology;
  readonly batchSize: number;
  readonly reasons: {
    /** The patch with the aspect ratio of a typical image and as many voxels as 256³ or 2048². */
    readonly wishedPatch: readonly number[];
    /** The wish, no larger than the median image, padded. */
    readonly firstPatch: readonly number[];
    readonly firstFeatures: number;
    readonly steps: readonly PatchStep[];
    readonly features: number;
    /** The feature maps of a patch that fit the memory target, with the batch size that this number stands for. */
    readonly reference: number;
    readonly referenceBatch: number;
    /** The batch that must fit the memory target for a patch to be small enough, and the feature maps that then fit. */
    readonly fittedBatch: number;
    readonly mostFeatures: number;
    /** The batch that memory allows, and the one that the size of the data set allows. */
    readonly batchForMemory: number;
    readonly batchForDataset: number;
  };
}

const smallestBatch = 2;
/** A patch of usual images is found in fewer steps than this; more would mean that spacings or sizes are absurd. */
const mostSteps = 100_000;
/** The batch sizes of the reference networks. */
const referenceBatches = { volumes: 2, slices: 12 };
/** The voxels of the patch that the planner starts with. */
const firstVoxels = { volumes: 256 ** 3, slices: 2048 ** 2 };

/** Plans patch, topology and batch size for one spacing, as nnU-Net v2's planners do. */
export function planConfiguration(question: ConfigurationQuestion): PlannedConfiguration {
  const { spacing, medianSize, constants, gigabytes, labelCount, datasetVoxels } = question;
  const kind = spacing.length === 3 ? "volumes" : "slices";
  const referenceBatch = referenceBatches[kind];
  const reference = constants.reference[kind] * (gigabytes / constants.referenceGigabytes);
  const featuresOf = (topology: Topology) => countFeatures({ topology, constants, labelCount });

  if (medianSize.includes(0))
    throw nnunetError(
      "PLAN_IMPOSSIBLE",
      `a median image of ${medianSize.join(" × ")} voxels has none at a spacing of ${spacing.join(" × ")} mm`,
    );
  const wishedPatch = patchLike(spacing, firstVoxels[kind]);
  const clipped = wishedPatch.map((size, axis) => Math.min(size, medianSize[axis]!));
  let topology = topologyOf(spacing, clipped);
  let features = featuresOf(topology);
  const firstPatch = topology.patch;
  const firstFeatures = features;
  const steps: PatchStep[] = [];
  const fittedBatch = fittedBatchOf(constants, referenceBatch);
  const isTooLarge = () =>
    (fittedBatch === referenceBatch ? features : (features / referenceBatch) * fittedBatch) > reference;
  while (isTooLarge()) {
    const axis = largestShare(topology.patch, medianSize);
    const tried = topologyOf(spacing, lessOn(topology.patch, axis, topology.divisor));
    topology = topologyOf(spacing, lessOn(topology.patch, axis, tried.divisor));
    features = featuresOf(topology);
    steps.push({ axis, patch: topology.patch, features });
    if (steps.length > mostSteps || topology.patch.some((size) => size <= 0))
      throw nnunetError(
        "PLAN_IMPOSSIBLE",
        `no patch fits ${gigabytes} GB at a spacing of ${spacing.join(" × ")} mm`,
      );
  }
  const batchForMemory = roundHalfToEven((reference / features) * referenceBatch);
  const batchForDataset = roundHalfToEven((datasetVoxels * constants.coveredShare) / product(topology.patch));
  return {
    spacing,
    medianSize,
    topology,
    batchSize: Math.max(Math.min(batchForMemory, batchForDataset), smallestBatch),
    reasons: {
      wishedPatch,
      firstPatch,
      firstFeatures,
      steps,
      features,
      reference,
      referenceBatch,
      fittedBatch,
      mostFeatures: (reference / fittedBatch) * referenceBatch,
      batchForMemory,
      batchForDataset,
    },
  };
}

/** Returns a patch with this many voxels that has the same length in mm on all axes. */
function patchLike(spacing: readonly number[], voxels: number): number[] {
  const inverse = spacing.map((value) => 1 / value);
  const scale = (voxels / product(inverse)) ** (1 / spacing.length);
  return inverse.map((value) => roundHalfToEven(value * scale));
}

/**
 * Returns how many patches must fit the memory. The default planner lets a 2-D batch shrink to 2; the residual planners
 * demand that 12 patches fit.
 */
const fittedBatchOf = ({ network }: PlannerConstants, referenceBatch: number): number =>
  network === "PlainConvUNet" ? smallestBatch : referenceBatch;

/** Returns the axis on which the patch covers most of the median image; the last of several equal ones. */
export function largestShare(patch: readonly number[], medianSize: readonly number[]): number {
  let best = 0;
  for (let axis = 1; axis < patch.length; axis++)
    if (patch[axis]! / medianSize[axis]! >= patch[best]! / medianSize[best]!) best = axis;
  return best;
}

const lessOn = (patch: readonly number[], axis: number, divisor: readonly number[]): number[] =>
  patch.map((size, i) => (i === axis ? size - divisor[i]! : size));
