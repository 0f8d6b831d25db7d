import { type Axis, reversed, type Zyx } from "./axes.js";
import type { Geometry } from "./geometry.js";
import type { AxisTurn } from "./reorient.js";

/** A row-major 4×4 matrix from voxel (x, y, z) to RAS in mm, as in nibabel. */
export type Affine = readonly number[];

export function affineOf({ spacingMmZyx, originMmXyz, directionXyz }: Geometry): Affine {
  const spacingMmXyz = reversed(spacingMmZyx);
  return [
    ...[0, 1, 2].flatMap((row) => {
      const sign = row < 2 ? -1 : 1;
      const axes = [0, 1, 2].map((axis) => sign * directionXyz[row * 3 + axis]! * spacingMmXyz[axis]! || 0);
      return [...axes, sign * originMmXyz[row]! || 0];
    }),
    ...[0, 0, 0, 1],
  ];
}

/**
 * Returns the matrix of the turned grid, as nibabel's `as_reoriented` does.
 *
 * @param sizeZyx the size of the grid that is not turned
 */
export function turnAffine(affine: Affine, sizeZyx: Zyx, { orderZyx, isFlippedZyx }: AxisTurn): Affine {
  const turned = [...affine];
  for (const axis of [0, 1, 2] as const) {
    const from = orderZyx[axis] as Axis;
    const isFlipped = isFlippedZyx[axis];
    for (let row = 0; row < 3; row++) {
      const step = affine[row * 4 + 2 - from]!;
      turned[row * 4 + 2 - axis] = (isFlipped ? -step : step) || 0;
      // The new start of a flipped axis is its former end.
      if (isFlipped) turned[row * 4 + 3]! += step * (sizeZyx[from] - 1);
    }
  }
  return turned;
}

/** Returns the lengths of the matrix's columns. */
export function voxelSizesMmZyx(affine: Affine): Zyx {
  const length = (axis: number): number => Math.hypot(affine[axis]!, affine[4 + axis]!, affine[8 + axis]!);
  return [length(2), length(1), length(0)];
}
