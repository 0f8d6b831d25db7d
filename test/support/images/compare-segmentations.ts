import { readImage } from "../../../processor/imaging/formats/read-image.js";
import type { Geometry } from "../../../processor/imaging/volume/geometry.js";

export interface SegmentationComparison {
  readonly voxels: number;
  readonly differing: number;
  /** The Dice of each label except the background. */
  readonly dice: Readonly<Record<string, number>>;
  readonly geometry: Geometry;
  readonly expectedGeometry: Geometry;
}

/** Compares a segmentation with nnU-Net's own, voxel by voxel. */
export async function compareSegmentations(
  path: string,
  expectedPath: string,
): Promise<SegmentationComparison> {
  const found = await readImage(path);
  const expected = await readImage(expectedPath);
  if (found.voxels.length !== expected.voxels.length)
    throw new Error(`${path} has ${found.voxels.length} voxels, not ${expected.voxels.length}`);
  const sizes = new Map<number, { found: number; expected: number; both: number }>();
  const sizeOf = (label: number) => {
    const known = sizes.get(label) ?? { found: 0, expected: 0, both: 0 };
    sizes.set(label, known);
    return known;
  };
  let differing = 0;
  for (let i = 0; i < found.voxels.length; i++) {
    const [a, b] = [Number(found.voxels[i]), Number(expected.voxels[i])];
    sizeOf(a).found++;
    sizeOf(b).expected++;
    if (a === b) sizeOf(a).both++;
    else differing++;
  }
  const dice = [...sizes]
    .filter(([label]) => label !== 0)
    .map(([label, size]) => [String(label), (2 * size.both) / (size.found + size.expected)] as const);
  return {
    voxels: found.voxels.length,
    differing,
    dice: Object.fromEntries(dice),
    geometry: found.geometry,
    expectedGeometry: expected.geometry,
  };
}
