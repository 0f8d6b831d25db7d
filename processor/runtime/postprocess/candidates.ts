import type { Zyx } from "../../imaging/volume/axes.js";
import { type Components, labelComponents } from "../../imaging/volume/connected-components.js";

/** The rules by which the parts of one class's probabilities count as candidates, as in nnunet_serve. */
export interface CandidateRules {
  /** Smaller probabilities become 0; the segmentation has the voxels of the others. */
  readonly threshold: number;
  /** The largest probability that a candidate must reach; null for the threshold. */
  readonly minConfidence: number | null;
}

/** A mask on the same grid, with which parts must overlap to stay. */
export interface ReferenceMask {
  readonly voxels: Uint8Array | Uint16Array;
  /** The share of a part's voxels that must be in the mask. It is not an intersection over the union. */
  readonly minIntersection: number;
}

export interface CandidatesTask extends CandidateRules {
  /** `z × y × x` probabilities of one class. All voxels outside the candidates become 0, in place. */
  readonly probabilities: Float32Array;
  /** Receives 1 where a candidate's probability is larger than the threshold, and 0 elsewhere. */
  readonly mask: Uint8Array;
  readonly sizeZyx: Zyx;
  /** The voxels whose value is exactly 1 count; null to compare with no mask. */
  readonly reference: ReferenceMask | null;
}

/** The candidates that stay, and the number of those that were removed. */
export interface FoundCandidates {
  /** The largest probability of each candidate, rounded to 4 decimals, in the order of their first voxels. */
  readonly confidences: readonly number[];
  readonly removed: number;
}

/** Parts with at most this many voxels are not candidates. */
const tooFewVoxels = 10;

/**
 * Finds the candidates of one class: connected parts (26 neighbours) whose probabilities reach the threshold, that have
 * more than 10 voxels, whose largest probability reaches the confidence, and that overlap the reference. A voxel exactly
 * at the threshold belongs to a candidate, but not to the mask.
 *
 * Numbers are rounded to float32 before they are compared, as numpy compares a number with an array of that type.
 */
export function extractCandidates(task: CandidatesTask): FoundCandidates {
  const { probabilities, mask, sizeZyx, reference } = task;
  const threshold = Math.fround(task.threshold);
  const minConfidence = Math.fround(task.minConfidence ?? task.threshold);
  for (let i = 0; i < mask.length; i++) {
    const isAbove = probabilities[i]! >= threshold && probabilities[i]! > 0;
    if (!isAbove) probabilities[i] = 0;
    mask[i] = isAbove ? 1 : 0;
  }
  const components = labelComponents(mask, { sizeZyx, labels: [1], connectivity: 26 });
  const { sizes } = components;
  const highest = highestOf(components, probabilities);
  const shares = reference === null ? null : sharesInside(components, (i) => reference.voxels[i] === 1);
  const isKept = Uint8Array.from(sizes, (size, component) =>
    size > tooFewVoxels &&
    highest[component]! >= minConfidence &&
    (shares === null || shares[component]! >= reference!.minIntersection)
      ? 1
      : 0,
  );
  clearRemoved(components, isKept, probabilities);
  for (let i = 0; i < mask.length; i++) mask[i] = probabilities[i]! > threshold ? 1 : 0;
  const confidences = [...highest].filter((_, component) => isKept[component] === 1).map(toFourDecimals);
  return { confidences, removed: sizes.length - confidences.length };
}

export interface KeepOverlappingTask extends ReferenceMask {
  /** `z × y × x` labels. The parts that do not overlap the reference become 0, in place. */
  readonly labels: Uint8Array | Uint16Array;
  readonly sizeZyx: Zyx;
}

/**
 * Removes the connected parts (26 neighbours, all labels together) of a segmentation that overlap a reference too
 * little. Every voxel of the reference other than 0 counts.
 *
 * @returns the number of removed parts
 */
export function keepOverlapping({ labels, sizeZyx, voxels, minIntersection }: KeepOverlappingTask): number {
  const foreground = Uint8Array.from(labels, (label) => (label > 0 ? 1 : 0));
  const components = labelComponents(foreground, { sizeZyx, labels: [1], connectivity: 26 });
  const shares = sharesInside(components, (i) => voxels[i]! > 0);
  const isKept = Uint8Array.from(shares, (share) => (share >= minIntersection ? 1 : 0));
  clearRemoved(components, isKept, labels);
  return isKept.reduce((removed, kept) => removed + 1 - kept, 0);
}

function highestOf({ runStart, runLength, runComponent, sizes }: Components, values: Float32Array) {
  const highest = new Float32Array(sizes.length);
  for (let run = 0; run < runStart.length; run++) {
    const component = runComponent[run]!;
    const end = runStart[run]! + runLength[run]!;
    for (let i = runStart[run]!; i < end; i++)
      if (values[i]! > highest[component]!) highest[component] = values[i]!;
  }
  return highest;
}

/** Returns the share of each component's voxels that are inside. */
function sharesInside(
  { runStart, runLength, runComponent, sizes }: Components,
  isInside: (voxel: number) => boolean,
): Float64Array {
  const counts = new Float64Array(sizes.length);
  for (let run = 0; run < runStart.length; run++) {
    const end = runStart[run]! + runLength[run]!;
    for (let i = runStart[run]!; i < end; i++) if (isInside(i)) counts[runComponent[run]!]!++;
  }
  return counts.map((count, component) => count / sizes[component]!);
}

function clearRemoved(
  { runStart, runLength, runComponent }: Components,
  isKept: Uint8Array,
  values: Float32Array | Uint8Array | Uint16Array,
): void {
  for (let run = 0; run < runStart.length; run++) {
    if (isKept[runComponent[run]!] === 1) continue;
    values.fill(0, runStart[run]!, runStart[run]! + runLength[run]!);
  }
}

const toFourDecimals = (value: number): number => Math.round(value * 1e4) / 1e4;
