import type { VoxelArray } from "../../../processor/imaging/volume/image.js";

/** One label value in a segmentation, and in the one that was expected. */
export interface LabelComparison {
  readonly label: number;
  readonly voxels: number;
  /** Null where nothing was expected. */
  readonly expectedVoxels: number | null;
  /** 2 |A ∩ B| / (|A| + |B|). */
  readonly dice: number | null;
}

/** How many voxels each value has, smallest value first. */
export function countVoxels(voxels: VoxelArray): readonly LabelComparison[] {
  const counts = new Map<number, number>();
  for (const voxel of voxels) counts.set(Number(voxel), (counts.get(Number(voxel)) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([label, count]) => ({ label, voxels: count, expectedVoxels: null, dice: null }));
}

/** Both have the same length. Values that neither has are left out. */
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
