import { counted } from "../../../processor/contract/counted.js";
import type { MadePlans } from "./make-plans.js";
import type { PlannedConfiguration } from "./plan-configuration.js";
import type { DatasetPlan } from "./plan-dataset.js";

/** One fact about plans, and why it is so. */
export interface PlanReason {
  /** The configuration; null for the whole data set. */
  readonly configuration: string | null;
  readonly subject: string;
  readonly value: string;
  readonly because: string;
}

const axisNames = ["z", "y", "x"];

/** Says in words why plans are as they are: spacing, order of axes, patch, poolings, batch, and low resolution. */
export function explainPlans(made: MadePlans): readonly PlanReason[] {
  const { plan, fingerprint } = made;
  const whole = (subject: string, value: string, because: string): PlanReason => ({
    configuration: null,
    subject,
    value,
    because,
  });
  const { target, isSpacingGiven, finerAxis } = plan.reasons;
  const isMoved = plan.transposeForward.some((axis, i) => axis !== i);
  const cases = counted(fingerprint.spacings.length, "case");
  const low = plan.lowResolution;
  return [
    whole(
      "spacing",
      `${millimetres(target)} mm`,
      isSpacingGiven
        ? `as you chose; the median of ${cases} is ${millimetres(plan.originalMedianSpacing)} mm`
        : finerAxis === null
          ? `the median of ${cases}`
          : `the median of ${cases}, except along ${axisNames[finerAxis]}: the images are so anisotropic that this axis takes its 10th percentile`,
    ),
    whole(
      "order of axes",
      plan.transposeForward.map((axis) => axisNames[axis]).join(", "),
      isMoved ? "the coarsest axis comes first" : "as in the files, because the first axis is the coarsest",
    ),
    ...(plan.volumes === null
      ? [whole("3d_fullres", "none", "the images have one slice")]
      : reasonsOf("3d_fullres", plan.volumes, plan.reasons)),
    ...lowResolutionReasons(made),
    ...(low === null ? [] : reasonsOf("3d_lowres", low.planned, plan.reasons)),
    ...reasonsOf("2d", plan.slices, plan.reasons),
  ];
}

function lowResolutionReasons({ plan }: MadePlans): readonly PlanReason[] {
  const { coveredShare, isLowResolutionDropped } = plan.reasons;
  if (coveredShare === null) return [];
  const covers = `the 3-D patch ${coveredShare < 1 ? `covers ${percent(coveredShare)} of` : "is at least as large as"} a median image`;
  const low = plan.lowResolution;
  const reason = (value: string, because: string): readonly PlanReason[] => [
    { configuration: null, subject: "low resolution", value, because },
  ];
  if (low !== null)
    return reason(
      `${millimetres(low.planned.spacing)} mm`,
      `${covers}, which is less than 25 %, so the images are made 3 % coarser until a patch covers 25 %; the cascade refines that result`,
    );
  return isLowResolutionDropped
    ? reason("none", `${covers}, but a coarser resolution would keep more than half of the voxels`)
    : reason("none", `${covers}${coveredShare < 1 ? ", at least 25 %" : ""}`);
}

function reasonsOf(
  configuration: string,
  planned: PlannedConfiguration,
  { gigabytes, mostInBatch }: DatasetPlan["reasons"],
): readonly PlanReason[] {
  const { topology, reasons, medianSize, batchSize } = planned;
  const { wishedPatch, firstPatch, steps, features, firstFeatures, reference, referenceBatch } = reasons;
  const reason = (subject: string, value: string, because: string): PlanReason => ({
    configuration,
    subject,
    value,
    because,
  });
  const budget = `${amount(reasons.mostFeatures)} values that ${gigabytes} GB hold for each of ${reasons.fittedBatch} patches`;
  const size = wishedPatch.length === 3 ? "256³" : "2048²";
  const poolings = topology.divisor.map(Math.log2);
  const limit = Math.min(reasons.batchForMemory, reasons.batchForDataset);
  return [
    reason("image", sizeText(medianSize), "the median size at this spacing, in voxels"),
    reason(
      "patch",
      sizeText(topology.patch),
      [
        `it starts as ${sizeText(wishedPatch)} (equally long on all axes, with the voxels of ${size}) and is cut to the median image and padded: ${sizeText(firstPatch)}`,
        steps.length === 0
          ? `its feature maps have ${amount(features)} values, within the ${budget}`
          : `its feature maps have ${amount(firstFeatures)} values, so ${counted(steps.length, "step")} made it smaller on the axis that covers most of the image, until ${amount(features)} values were within the ${budget}`,
      ].join("; "),
    ),
    reason(
      "poolings",
      sizeText(poolings),
      `each stage halves the axes whose voxels are less than twice as long as the shortest, while at least 4 voxels remain; ${counted(topology.strides.length, "stage")}, so the patch is a multiple of ${sizeText(topology.divisor)}`,
    ),
    reason(
      "kernels",
      topology.kernels.map((kernel) => kernel.join("×")).join(" "),
      "an axis has a kernel of 3 as soon as its voxels are less than twice as long as the shortest; the last stage always has 3",
    ),
    reason(
      "batch",
      String(batchSize),
      `the memory allows ${reasons.batchForMemory}, because it holds ${referenceBatch} of ${amount(reference)} values; ${percent(mostInBatch)} of all voxels of the data set make ${reasons.batchForDataset}${limit < batchSize ? "; it is never below 2" : ""}`,
    ),
    ...(topology.strides.length <= 2
      ? [
          reason(
            "warning",
            counted(topology.strides.length, "stage"),
            "nnU-Net's deep supervision gives no usable loss (NaN) for networks with fewer than three stages: the images are too small for training",
          ),
        ]
      : []),
  ];
}

/** Returns a share such as `12 %`, with a decimal where it could be taken for another side of 25 %. */
const percent = (share: number): string => {
  const value = share * 100;
  return `${Number(value.toFixed(value < 10 || Math.abs(value - 25) < 1 ? 2 : 0))} %`;
};

export const sizeText = (size: readonly number[]): string =>
  size.map((value) => Number(value.toFixed(1))).join(" × ");

const millimetres = (spacing: readonly number[]): string =>
  spacing.map((value) => Number(value.toPrecision(4))).join(" × ");

/** Returns a number of values such as `560 million`. */
export function amount(value: number): string {
  if (value < 1e6) return `${Math.round(value / 1e3)} thousand`;
  return `${(value / 1e6).toFixed(value < 1e7 ? 1 : 0)} million`;
}
