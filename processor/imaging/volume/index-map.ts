import { perAxis, reversed, type Xyz } from "./axes.js";
import type { Direction, Geometry } from "./geometry.js";

/** Returns the row-major 3 × 4 matrix from an index (x, y, z) of one grid to the continuous index of another. */
export function indexMapOf(from: Geometry, to: Geometry): readonly number[] {
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

/**
 * Returns whether the voxels of two grids are at the same places.
 *
 * @param indexMap from an index of the second grid to one of the first
 */
export function isSameGrid(from: Geometry, to: Geometry, indexMap: readonly number[]): boolean {
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

/** Returns whether the voxels of two grids are at the same places. */
export const haveSameGrid = (a: Geometry, b: Geometry): boolean => isSameGrid(a, b, indexMapOf(b, a));

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
