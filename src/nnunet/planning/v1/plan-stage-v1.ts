import { roundHalfToEven } from "../../../../processor/imaging/volume/round-half-to-even.js";
import { nnunetError } from "../../../ground/errors/nnunet-errors.js";
import { product } from "../percentile.js";
import { largestShare, type PatchStep } from "../plan-configuration.js";
import { type TopologyV1, topologyV1 } from "./topology-v1.js";

export interface StageQuestionV1 {
  /** In mm, transposed, with all three axes. */
  readonly spacing: readonly number[];
  /** The median size of the images at this spacing, in whole voxels. */
  readonly medianSize: readonly number[];
  readonly caseCount: number;
  readonly modalityCount: number;
  /** With the background. */
  readonly classCount: number;
}

export interface PlannedStageV1 {
  readonly spacing: readonly number[];
  readonly medianSize: readonly number[];
  readonly topology: TopologyV1;
  /** 0 if the memory does not suffice for two slices (2-D only). */
  readonly batchSize: number;
  readonly usesDummy2dAugmentation: boolean;
  readonly reasons: {
    readonly firstPatch: readonly number[];
    readonly firstFeatures: number;
    readonly steps: readonly PatchStep[];
    readonly features: number;
    readonly reference: number;
    readonly batchForMemory: number;
    readonly batchForDataset: number;
  };
}

const baseFeatures = 32;
/** A patch of usual images is found in fewer steps than this. */
const mostSteps = 100_000;
const convolutionsPerStage = 2;
/** The largest share of the data set's voxels that one batch may hold. */
const coveredShare = 0.05;

const volumes = { mostFeatures: 320, reference: (520_000_000 * 32) / 30 };
const slices = { mostFeatures: 512, reference: (19_739_648 * 50) / 2, firstFeatures: 30 };

interface EstimateV1 {
  readonly topology: TopologyV1;
  readonly question: StageQuestionV1;
  readonly features: number;
  readonly mostFeatures: number;
}

/** Returns v1's estimate of the GPU memory that training needs: the values of the feature maps of one patch. */
function estimate({ topology, question, features, mostFeatures }: EstimateV1): number {
  const perStage = 2 * convolutionsPerStage + 1;
  let size = topology.patch;
  let count = features;
  let sum = (perStage * count + question.modalityCount + question.classCount) * product(size);
  topology.strides.forEach((stride, pooling) => {
    size = size.map((value, axis) => value / stride[axis]!);
    count = Math.min(count * 2, mostFeatures);
    const isLast = pooling === topology.strides.length - 1;
    sum += (isLast ? convolutionsPerStage : perStage) * count * product(size);
  });
  return sum;
}

/** Plans a 3-D stage as `ExperimentPlanner3D_v21` does. */
export function planVolumesV1(question: StageQuestionV1): PlannedStageV1 {
  const { spacing, medianSize, caseCount } = question;
  const { reference, mostFeatures } = volumes;
  const inverse = spacing.map((value) => 1 / value);
  const scale = 512 / Math.min(...inverse);
  const wished = inverse.map((value, axis) => Math.min(roundHalfToEven(value * scale), medianSize[axis]!));
  const fitted = shrunk({
    spacing,
    medianSize,
    first: wished,
    reference,
    featuresOf: (topology) => estimate({ topology, question, features: baseFeatures, mostFeatures }),
    firstFeaturesOf: null,
  });
  const { topology } = fitted;
  const batchForMemory = Math.floor(Math.max(reference / fitted.features, 1) * 2);
  const batchForDataset = roundHalfToEven(
    (coveredShare * caseCount * product(medianSize)) / product(topology.patch),
  );
  return {
    spacing,
    medianSize,
    topology,
    batchSize: Math.max(1, Math.min(batchForMemory, Math.max(batchForDataset, 2))),
    usesDummy2dAugmentation: Math.max(...topology.patch) / topology.patch[0]! > 3,
    reasons: { ...fitted.reasons, batchForMemory, batchForDataset },
  };
}

/** Plans a 2-D stage as `ExperimentPlanner2D_v21` does. */
export function planSlicesV1(question: StageQuestionV1): PlannedStageV1 {
  const { spacing, medianSize, caseCount } = question;
  const { reference, mostFeatures, firstFeatures } = slices;
  const inPlane = medianSize.slice(1);
  const fitted = shrunk({
    spacing: spacing.slice(1),
    medianSize: inPlane,
    first: inPlane,
    reference,
    featuresOf: (topology) => estimate({ topology, question, features: baseFeatures, mostFeatures }),
    firstFeaturesOf: (topology) => estimate({ topology, question, features: firstFeatures, mostFeatures }),
  });
  const batchForMemory = Math.floor(reference / fitted.features) * 2;
  const batchForDataset = roundHalfToEven(
    (coveredShare * caseCount * product(medianSize)) / product(fitted.topology.patch),
  );
  return {
    spacing,
    medianSize,
    topology: fitted.topology,
    batchSize: batchForMemory < 2 ? 0 : Math.min(batchForMemory, Math.max(batchForDataset, 1)),
    usesDummy2dAugmentation: false,
    reasons: { ...fitted.reasons, batchForMemory, batchForDataset },
  };
}

interface ShrinkQuestion {
  readonly spacing: readonly number[];
  readonly medianSize: readonly number[];
  readonly first: readonly number[];
  readonly reference: number;
  readonly featuresOf: (topology: TopologyV1) => number;
  /** The estimate of the first patch, if another rule gives it; null otherwise. */
  readonly firstFeaturesOf: ((topology: TopologyV1) => number) | null;
}

/** Makes the patch smaller until its estimate fits the reference. */
function shrunk({ spacing, medianSize, first, reference, featuresOf, firstFeaturesOf }: ShrinkQuestion) {
  if (first.includes(0))
    throw nnunetError(
      "PLAN_IMPOSSIBLE",
      `a median image has no voxels at a spacing of ${spacing.join(" × ")} mm`,
    );
  let topology = topologyV1(spacing, first);
  let features = (firstFeaturesOf ?? featuresOf)(topology);
  const firstPatch = topology.patch;
  const firstFeatures = features;
  const steps: PatchStep[] = [];
  while (features > reference) {
    const axis = largestShare(topology.patch, medianSize);
    const less = (divisor: readonly number[]) =>
      topology.patch.map((size, i) => (i === axis ? size - divisor[i]! : size));
    const tried = topologyV1(spacing, less(topology.divisor));
    topology = topologyV1(spacing, less(tried.divisor));
    features = featuresOf(topology);
    steps.push({ axis, patch: topology.patch, features });
    if (steps.length > mostSteps || topology.patch.some((size) => size <= 0))
      throw nnunetError(
        "PLAN_IMPOSSIBLE",
        `no patch fits the GPU memory at a spacing of ${spacing.join(" × ")} mm`,
      );
  }
  return { topology, features, reasons: { firstPatch, firstFeatures, steps, features, reference } };
}
