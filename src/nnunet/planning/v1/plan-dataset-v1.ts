import { roundHalfToEven } from "../../../../processor/imaging/volume/round-half-to-even.js";
import { column, median, percentile, product } from "../percentile.js";
import { inverseOf, targetSpacing, transposition } from "../target-spacing.js";
import { type PlannedStageV1, planSlicesV1, planVolumesV1 } from "./plan-stage-v1.js";
import type { PlannerNameV1 } from "./planners-v1.js";

/** What planning needs to know about a task of nnU-Net v1. */
export interface TaskFacts {
  /** In mm (z, y, x), one row for each case. */
  readonly spacings: readonly (readonly number[])[];
  /** In voxels (z, y, x), after cropping. */
  readonly sizes: readonly (readonly number[])[];
  /** The labels above 0. */
  readonly classes: readonly number[];
  /** By channel. */
  readonly modalities: readonly string[];
  /** The share of voxels that cropping leaves, for each case. */
  readonly sizeReductions: readonly number[];
}

export interface TaskPlan {
  readonly planner: PlannerNameV1;
  /** The low resolution comes first, if there is one. */
  readonly stages: readonly PlannedStageV1[];
  readonly targetSpacing: readonly number[];
  readonly transposeForward: readonly number[];
  readonly transposeBackward: readonly number[];
  readonly normalizationSchemes: readonly string[];
  readonly useMask: readonly boolean[];
}

/** Plans a task as nnU-Net v1's planners of version 2.1 do. */
export function planTask(facts: TaskFacts, planner: PlannerNameV1): TaskPlan {
  const isFlat = planner === "ExperimentPlanner2D_v21";
  const target = isFlat
    ? [0, 1, 2].map((axis) => percentile(column(facts.spacings, axis), 50))
    : targetSpacing(facts.spacings, facts.sizes).spacing;
  const transposeForward = transposition(target);
  const transposed = <T>(values: readonly T[]): T[] => transposeForward.map((axis) => values[axis]!);
  const resampled = facts.sizes.map((size, i) =>
    size.map((voxels, axis) => (facts.spacings[i]![axis]! / target[axis]!) * voxels),
  );
  const medianSize = transposed([0, 1, 2].map((axis) => median(column(resampled, axis))));
  const spacing = transposed(target);
  const shared = {
    caseCount: facts.spacings.length,
    modalityCount: facts.modalities.length,
    classCount: facts.classes.length + 1,
  };
  const full = { ...shared, spacing, medianSize: medianSize.map(roundHalfToEven) };
  const stages = isFlat ? [planSlicesV1(full)] : volumeStages(planVolumesV1(full), medianSize, shared);
  return {
    planner,
    stages,
    targetSpacing: spacing,
    transposeForward,
    transposeBackward: inverseOf(transposeForward),
    normalizationSchemes: facts.modalities.map(schemeV1),
    useMask: facts.modalities.map(
      (name) => !name.includes("CT") && median(facts.sizeReductions) < mostRemaining,
    ),
  };
}

const mostRemaining = 0.75;

const schemeV1 = (modality: string): string =>
  modality === "CT" || modality === "ct" ? "CT" : modality === "noNorm" ? "noNorm" : "nonCT";

/** A patch that covers less than a quarter of the median image calls for a low resolution. */
const mostPatches = 4;
const coarsening = 1.01;

function volumeStages(
  full: PlannedStageV1,
  medianSize: readonly number[],
  shared: { readonly caseCount: number; readonly modalityCount: number; readonly classCount: number },
): readonly PlannedStageV1[] {
  // Only the last comparison takes rounded sizes.
  const voxels = product(medianSize);
  if (voxels / product(full.topology.patch) < mostPatches) return [full];
  let spacing = [...full.spacing];
  let low: PlannedStageV1 = full;
  let lowVoxels = voxels;
  while (lowVoxels > mostPatches * product(low.topology.patch)) {
    const coarsest = Math.max(...spacing);
    const isFine = spacing.map((value) => coarsest / value > 2);
    spacing = spacing.map((value, axis) =>
      !isFine.includes(true) || isFine[axis] === true ? value * coarsening : value,
    );
    const size = spacing.map((value, axis) => (full.spacing[axis]! / value) * medianSize[axis]!);
    low = planVolumesV1({ ...shared, spacing, medianSize: size.map(roundHalfToEven) });
    lowVoxels = product(size);
  }
  return 2 * product(low.medianSize) < product(full.medianSize) ? [low, full] : [full];
}
