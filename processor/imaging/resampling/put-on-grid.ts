import type { ImagingPool } from "../kernels.js";
import { splitRange } from "../threads/split-range.js";
import { voxelCount } from "../volume/axes.js";
import type { Geometry } from "../volume/geometry.js";
import { indexMapOf, isSameGrid } from "../volume/index-map.js";

export interface PutOnGridOptions {
  /** The grid of the values. */
  readonly from: Geometry;
  readonly to: Geometry;
  readonly pool: ImagingPool;
}

export interface OnGrid {
  readonly voxels: Float32Array<SharedArrayBuffer>;
  /** The number of voxels of the grid that are inside of the image; the others are 0. */
  readonly inside: number;
}

/**
 * Interpolates a volume on another grid with a cubic B-spline, as SimpleITK's Resample does with `sitkBSpline` and the
 * identity transform. The values themselves are returned if the grids are the same.
 *
 * @param values `z × y × x`; they are overwritten with the coefficients of the spline
 */
export async function putOnGrid(
  values: Float32Array<SharedArrayBuffer>,
  { from, to, pool }: PutOnGridOptions,
): Promise<OnGrid> {
  const indexMap = indexMapOf(to, from);
  if (isSameGrid(from, to, indexMap)) return { voxels: values, inside: values.length };
  for (const axis of [0, 1, 2] as const) {
    const lines = voxelCount(from.sizeZyx) / from.sizeZyx[axis];
    const task = { values, sizeZyx: from.sizeZyx, axis };
    await Promise.all(
      splitRange(lines, pool.size).map((part) => pool.run("mirrorSpline", { ...task, lines: part })),
    );
  }
  const voxels = new Float32Array(new SharedArrayBuffer(voxelCount(to.sizeZyx) * 4));
  const task = {
    coefficients: values,
    fromSizeZyx: from.sizeZyx,
    output: voxels,
    toSizeZyx: to.sizeZyx,
    indexMap,
  };
  const counts = await Promise.all(
    splitRange(to.sizeZyx[0], pool.size).map((slices) => pool.run("sampleSpline", { ...task, slices })),
  );
  return { voxels, inside: counts.reduce((sum, count) => sum + count, 0) };
}
