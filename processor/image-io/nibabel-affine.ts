import type { CaseVolume } from "../case.js";
import { type Affine, affineOf } from "../volume/affine.js";
import type { Zyx } from "../volume/axes.js";
import type { NiftiOrientation } from "../volume/image.js";

/**
 * The matrix that nibabel reads from a NIfTI header, without rounding: the sform whenever there is one, else the qform,
 * else one that puts the middle of the grid at 0 and lets x run to the left. Of other formats that of their geometry.
 */
export function nibabelAffine({ geometry, source }: Pick<CaseVolume, "geometry" | "source">): Affine {
  const { nifti } = source;
  if (nifti === undefined) return affineOf(geometry);
  if (nifti.sformCode > 0) return [...nifti.srow, 0, 0, 0, 1];
  return nifti.qformCode > 0 ? fromQform(nifti) : fromSpacing(nifti, geometry.sizeZyx);
}

/** The quaternion is one of a rotation, whatever its length. */
function fromQform({ quaternion, pixdim }: NiftiOrientation): Affine {
  const [b, c, d, ...origin] = quaternion as [number, number, number, number, number, number];
  const a = Math.sqrt(Math.max(0, 1 - (b * b + c * c + d * d)));
  const s = 2 / (a * a + b * b + c * c + d * d);
  const rows = [
    [1 - s * (c * c + d * d), s * (b * c - d * a), s * (b * d + c * a)],
    [s * (b * c + d * a), 1 - s * (b * b + d * d), s * (c * d - b * a)],
    [s * (b * d - c * a), s * (c * d + b * a), 1 - s * (b * b + c * c)],
  ];
  const handedness = pixdim[0]! < 0 ? -1 : 1;
  const steps = [pixdim[1]!, pixdim[2]!, pixdim[3]! * handedness];
  return [
    ...rows.flatMap((row, i) => [...row.map((part, axis) => part * steps[axis]! || 0), origin[i]!]),
    ...[0, 0, 0, 1],
  ];
}

function fromSpacing({ pixdim }: NiftiOrientation, [z, y, x]: Zyx): Affine {
  const steps = [-pixdim[1]!, pixdim[2]!, pixdim[3]!];
  const middle = [(x - 1) / 2, (y - 1) / 2, (z - 1) / 2];
  return [
    ...steps.flatMap((step, row) => {
      const axes = [0, 1, 2].map((axis) => (axis === row ? step : 0));
      return [...axes, -middle[row]! * step || 0];
    }),
    ...[0, 0, 0, 1],
  ];
}
