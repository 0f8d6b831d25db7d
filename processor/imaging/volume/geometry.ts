import type { Xyz, Zyx } from "./axes.js";

/** The position of a grid of voxels in the patient, in ITK's convention (LPS, millimetres). */
export interface Geometry {
  readonly sizeZyx: Zyx;
  /** Always positive. */
  readonly spacingMmZyx: Zyx;
  /** The centre of the first voxel. */
  readonly originMmXyz: Xyz;
  /** A row-major 3×3 matrix, as ITK prints it. Column k is the direction of axis k in the order x, y, z. */
  readonly directionXyz: Direction;
  /** 2 for a flat image (.png, 2-D .mha), whose z axis the reader adds. */
  readonly dimensions: 2 | 3;
}

export type Direction = readonly [number, number, number, number, number, number, number, number, number];

export const identityDirection: Direction = [1, 0, 0, 0, 1, 0, 0, 0, 1];

/**
 * Returns the spacing of an image from the spacings of its axes in the file. A flat image gets a z spacing far larger
 * than the others, as in nnU-Net's SimpleITKIO, so that resampling treats its slice separately.
 *
 * @example spacingOf([0.5, 0.7], 2) // [699.3, 0.7, 0.5]
 */
export function spacingOf([x = 1, y = 1, z = 1]: readonly number[], dimensions: 2 | 3): Zyx {
  return [dimensions === 2 ? 999 * Math.max(x, y) : z, y, x];
}

/**
 * Returns the direction of a flat image, whose z axis is perpendicular to it; the identity if both axes of the image
 * are parallel.
 */
export function flatDirection([a, b, , c, d]: Direction): Direction {
  return Math.abs(a * d - b * c) < 1e-6 ? identityDirection : [a, b, 0, c, d, 0, 0, 0, 1];
}
