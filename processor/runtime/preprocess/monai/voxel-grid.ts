import type { Affine } from "../../../imaging/volume/affine.js";
import type { Xyz } from "../../../imaging/volume/axes.js";

/** The shape of a grid's voxels: nibabel's matrix without its rotation, as an upper triangle. */
export interface VoxelShape {
  readonly diagonal: Xyz;
  /** The entries at (x, y), (x, z) and (y, z). They are 0, or rounding errors of the image's header, unless it is sheared. */
  readonly shears: Xyz;
}

/** Returns the transposed Cholesky factor of the matrix's inner products, as MONAI's `zoom_affine` computes it. */
export function voxelShape(affine: Affine): VoxelShape {
  const product = (a: number, b: number): number =>
    affine[a]! * affine[b]! + affine[4 + a]! * affine[4 + b]! + affine[8 + a]! * affine[8 + b]!;
  const xx = Math.sqrt(product(0, 0));
  const xy = product(0, 1) / xx;
  const xz = product(0, 2) / xx;
  const yy = Math.sqrt(product(1, 1) - xy * xy);
  const yz = (product(1, 2) - xy * xz) / yy;
  const zz = Math.sqrt(product(2, 2) - xz * xz - yz * yz);
  return { diagonal: [xx, yy, zz], shears: [xy, xz, yz] };
}

/** The extent of a grid in voxels of another spacing. */
export interface Extent {
  /** From the first to the last voxel along each axis. */
  readonly lengths: Xyz;
  /** True if the first voxel is the grid's corner; false if rounding errors of an oblique grid make it another point. */
  readonly startsAtFirst: boolean;
}

/** numpy's absolute tolerance in `allclose`. */
const tolerance = 1e-8;

/** Measures a grid as MONAI's `compute_shape_offset` does. */
export function extentOf({ diagonal, shears }: VoxelShape, sizeXyz: Xyz, spacingMmXyz: Xyz): Extent {
  const [x, y, z] = [sizeXyz[0] - 1, sizeXyz[1] - 1, sizeXyz[2] - 1];
  const [xy, xz, yz] = [
    (shears[0] * y) / spacingMmXyz[0],
    (shears[1] * z) / spacingMmXyz[0],
    (shears[2] * z) / spacingMmXyz[1],
  ];
  const below = [Math.min(xy, 0) + Math.min(xz, 0), Math.min(yz, 0)];
  return {
    lengths: [
      (diagonal[0] * x) / spacingMmXyz[0] + Math.abs(xy) + Math.abs(xz),
      (diagonal[1] * y) / spacingMmXyz[1] + Math.abs(yz),
      (diagonal[2] * z) / spacingMmXyz[2],
    ],
    startsAtFirst: below.every((part) => part >= -tolerance),
  };
}
