import type { ImagingPool } from "../kernels.js";
import { splitRange } from "../threads/split-range.js";
import { perAxis, reversed, voxelCount, type Xyz } from "../volume/axes.js";
import type { Direction, Geometry } from "../volume/geometry.js";

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

/** Returns the row-major 3 × 4 matrix from an index (x, y, z) of one grid to the continuous index of another. */
function indexMapOf(from: Geometry, to: Geometry): readonly number[] {
  const inverse = inverseOf(to.directionXyz);
  const [fromMm, toMm] = [reversed(from.spacingMmZyx), reversed(to.spacingMmZyx)];
  const shiftMm = [0, 1, 2].map((row) => from.originMmXyz[row]! - to.originMmXyz[row]!);
  return perAxis((row) => {
    const along = (vector: readonly number[]): number =>
      [0, 1, 2].reduce((sum, k) => sum + inverse[row * 3 + k]! * vector[k]!, 0) / toMm[row];
    const axes = perAxis((axis) =>
      along([0, 1, 2].map((k) => from.directionXyz[k * 3 + axis]! * fromMm[axis])),
    );
    return [...axes, along(shiftMm)];
  }).flat();
}

/** Voxels that are closer to each other, in voxels, are at the same place: coordinates are rounded text. */
const samePlace = 1e-3;

function isSameGrid(from: Geometry, to: Geometry, indexMap: readonly number[]): boolean {
  if (!from.sizeZyx.every((size, axis) => size === to.sizeZyx[axis])) return false;
  const [columns, rows, slices] = reversed(to.sizeZyx);
  const corners = [0, columns - 1].flatMap((x) =>
    [0, rows - 1].flatMap((y) => [0, slices - 1].map((z): Xyz => [x, y, z])),
  );
  return corners.every((corner) =>
    [0, 1, 2].every((row) => {
      const [a, b, c, d] = indexMap.slice(row * 4, row * 4 + 4) as [number, number, number, number];
      return Math.abs(a * corner[0] + b * corner[1] + c * corner[2] + d - corner[row]!) <= samePlace;
    }),
  );
}

function inverseOf([a, b, c, d, e, f, g, h, i]: Direction): Direction {
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  return [
    (e * i - f * h) / determinant,
    (c * h - b * i) / determinant,
    (b * f - c * e) / determinant,
    (f * g - d * i) / determinant,
    (a * i - c * g) / determinant,
    (c * d - a * f) / determinant,
    (d * h - e * g) / determinant,
    (b * g - a * h) / determinant,
    (a * e - b * d) / determinant,
  ];
}
