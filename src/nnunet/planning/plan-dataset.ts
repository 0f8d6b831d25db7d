import { roundHalfToEven } from "../../../processor/imaging/volume/round-half-to-even.js";
import { column, median, percentile, product } from "./percentile.js";
import { type PlannedConfiguration, planConfiguration } from "./plan-configuration.js";
import type { PlannerConstants } from "./planners.js";
import { inverseOf, targetSpacing, transposition } from "./target-spacing.js";

/** What planning needs to know about a data set. */
export interface DatasetFacts {
  /** In mm (z, y, x), one row for each case. */
  readonly spacings: readonly (readonly number[])[];
  /** In voxels (z, y, x), after the empty border is cut off. */
  readonly shapesAfterCrop: readonly (readonly number[])[];
  /** `numTraining` in dataset.json. */
  readonly caseCount: number;
  /** The entries of `labels` in dataset.json, including background and ignore. */
  readonly labelCount: number;
}

export interface PlanWishes {
  readonly constants: PlannerConstants;
  /** The GPU memory to plan for; null for the planner's own target. */
  readonly gigabytes: number | null;
  /** The spacing in mm to plan for (z, y, x, not transposed); null for the planner's choice. */
  readonly spacingMmZyx: readonly number[] | null;
}

/** The configurations that a planner makes for a data set, and what led to them. */
export interface DatasetPlan {
  readonly slices: PlannedConfiguration;
  /** Null for images of one slice. */
  readonly volumes: PlannedConfiguration | null;
  /** Null if the patch covers enough of a typical image. */
  readonly lowResolution: LowResolution | null;
  readonly transposeForward: readonly number[];
  readonly transposeBackward: readonly number[];
  /** In mm and voxels, transposed. */
  readonly originalMedianSpacing: readonly number[];
  readonly originalMedianSize: readonly number[];
  readonly reasons: {
    readonly gigabytes: number;
    /** In mm, transposed. */
    readonly target: readonly number[];
    /** True if the spacing was given, not computed. */
    readonly isSpacingGiven: boolean;
    /** The file's axis that is finer than its median, because it is very anisotropic; null if there is none. */
    readonly finerAxis: number | null;
    /** The share of the median image that the 3-D patch covers; null without 3d_fullres. */
    readonly coveredShare: number | null;
    /** True if a low resolution was planned, but has more than half of the voxels. */
    readonly isLowResolutionDropped: boolean;
    /** The largest share of the data set's voxels that one batch may hold. */
    readonly mostInBatch: number;
  };
}

export interface LowResolution {
  readonly planned: PlannedConfiguration;
  /** Rounded, in voxels. */
  readonly medianSize: readonly number[];
}

/** Plans a data set as nnU-Net v2 does. */
export function planDataset(facts: DatasetFacts, wishes: PlanWishes): DatasetPlan {
  const { spacings, shapesAfterCrop, caseCount, labelCount } = facts;
  const { constants } = wishes;
  const gigabytes = wishes.gigabytes ?? constants.referenceGigabytes;
  const chosen =
    wishes.spacingMmZyx === null
      ? targetSpacing(spacings, shapesAfterCrop)
      : { spacing: wishes.spacingMmZyx, finerAxis: null };
  const transposeForward = transposition(chosen.spacing);
  const transposed = <T>(values: readonly T[]): T[] => transposeForward.map((axis) => values[axis]!);
  const sizes = shapesAfterCrop.map((shape, i) =>
    shape.map((size, axis) => roundHalfToEven((spacings[i]![axis]! / chosen.spacing[axis]!) * size)),
  );
  const axes = chosen.spacing.map((_, axis) => axis);
  const medianSize = transposed(axes.map((axis) => median(column(sizes, axis))));
  const target = transposed(chosen.spacing);
  const shared = { constants, gigabytes, labelCount };
  const datasetVoxels = product(medianSize) * caseCount;

  const hasVolumes = medianSize[0] !== 1;
  const volumes = hasVolumes
    ? planConfiguration({ ...shared, spacing: target, medianSize, datasetVoxels })
    : null;
  const low = volumes === null ? null : planLowResolution(volumes, { ...shared, caseCount });
  return {
    volumes,
    lowResolution: low?.kept ?? null,
    slices: planConfiguration({
      ...shared,
      spacing: target.slice(-2),
      medianSize: medianSize.slice(-2),
      datasetVoxels,
    }),
    transposeForward,
    transposeBackward: inverseOf(transposeForward),
    originalMedianSpacing: transposed(axes.map((axis) => percentile(column(spacings, axis), 50))),
    originalMedianSize: transposed(
      axes.map((axis) => roundHalfToEven(percentile(column(shapesAfterCrop, axis), 50))),
    ),
    reasons: {
      gigabytes,
      target,
      isSpacingGiven: wishes.spacingMmZyx !== null,
      finerAxis: chosen.finerAxis,
      coveredShare: volumes === null ? null : product(volumes.topology.patch) / product(medianSize),
      isLowResolutionDropped: low?.isDropped ?? false,
      mostInBatch: constants.coveredShare,
    },
  };
}

/** A patch that covers less than this share of the median image calls for a low resolution. */
const smallestShare = 0.25;
const coarsening = 1.03;
/** A low resolution with more than half of the voxels would not help. */
const leastReduction = 2;

interface LowResolutionQuestion {
  readonly constants: PlannerConstants;
  readonly gigabytes: number;
  readonly labelCount: number;
  readonly caseCount: number;
}

/** Makes the images coarser until the patch covers a quarter of them; the coarsest axes come last. */
function planLowResolution(
  fullResolution: PlannedConfiguration,
  { caseCount, ...shared }: LowResolutionQuestion,
): { readonly kept: LowResolution | null; readonly isDropped: boolean } {
  const { spacing, medianSize, topology } = fullResolution;
  let coarse = [...spacing];
  let voxels = product(medianSize);
  let patchVoxels = product(topology.patch);
  let planned: LowResolution | null = null;
  while (patchVoxels / voxels < smallestShare) {
    const coarsest = Math.max(...coarse);
    const isFine = coarse.map((value) => coarsest / value > 2);
    coarse = coarse.map((value, axis) =>
      !isFine.includes(true) || isFine[axis] === true ? value * coarsening : value,
    );
    const size = coarse.map((value, axis) => (spacing[axis]! / value) * medianSize[axis]!);
    voxels = product(size);
    const rounded = size.map(roundHalfToEven);
    const configuration = planConfiguration({
      ...shared,
      spacing: coarse,
      medianSize: rounded,
      datasetVoxels: voxels * caseCount,
    });
    patchVoxels = product(configuration.topology.patch);
    planned = { planned: configuration, medianSize: rounded };
  }
  const helps = product(medianSize) / voxels >= leastReduction;
  return { kept: helps ? planned : null, isDropped: planned !== null && !helps };
}
