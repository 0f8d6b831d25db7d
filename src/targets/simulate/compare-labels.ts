import type { VoxelArray } from "../../../processor/imaging/volume/image.js";

/** The voxels of one label in a segmentation and in the expected one. */
export interface LabelComparison {
  readonly label: number;
  readonly voxels: number;
  /** Null if there is no expected segmentation. */
  readonly expectedVoxels: number | null;
  /** 2 |A ∩ B| / (|A| + |B|). */
  readonly dice: number | null;
}

/** Counts the voxels of each value, smallest value first. */
export function countVoxels(voxels: VoxelArray): readonly LabelComparison[] {
  const counts = new Map<number, number>();
  for (const voxel of voxels) counts.set(Number(voxel), (counts.get(Number(voxel)) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([label, count]) => ({ label, voxels: count, expectedVoxels: null, dice: null }));
}

/** Compares two segmentations of the same length. Values that neither has are left out. */
export function compareLabels(found: VoxelArray, expected: VoxelArray): readonly LabelComparison[] {
  const sizes = new Map<number, { found: number; expected: number; both: number }>();
  const sizeOf = (label: number) => {
    const known = sizes.get(label) ?? { found: 0, expected: 0, both: 0 };
    sizes.set(label, known);
    return known;
  };
  for (let i = 0; i < found.length; i++) {
    const [label, wanted] = [Number(found[i]), Number(expected[i])];
    sizeOf(label).found++;
    sizeOf(wanted).expected++;
    if (label === wanted) sizeOf(label).both++;
  }
  return [...sizes]
    .sort(([a], [b]) => a - b)
    .map(([label, size]) => ({
      label,
      voxels: size.found,
      expectedVoxels: size.expected,
      dice: (2 * size.both) / (size.found + size.expected),
    }));
}
