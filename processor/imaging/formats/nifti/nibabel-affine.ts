import { type Affine, affineOf } from "../../volume/affine.js";
import type { Zyx } from "../../volume/axes.js";
import type { CaseVolume } from "../../volume/case-volume.js";
import type { NiftiOrientation } from "../../volume/image.js";

/**
 * Returns the matrix that nibabel reads from a NIfTI header, without rounding; for other formats, the matrix of their
 * geometry.
 */
export function nibabelAffine({ geometry, source }: Pick<CaseVolume, "geometry" | "source">): Affine {
  const nifti = source.format === "nifti" ? source.nifti : null;
  return nifti === null ? affineOf(geometry) : niftiAffine(nifti, geometry.sizeZyx);
}

/**
 * Returns the sform if there is one, else the qform, else a matrix that puts the middle of the grid at 0 with x
 * increasing to the left.
 */
export function niftiAffine(nifti: NiftiOrientation, sizeZyx: Zyx): Affine {
  const form = nibabelForm(nifti);
  if (form === "sform") return [...nifti.srow, 0, 0, 0, 1];
  return form === "qform" ? fromQform(nifti) : fromSpacing(nifti, sizeZyx);
}

/** Returns the form that nibabel uses. A code that the standard does not define counts as none. */
export function nibabelForm({ sformCode, qformCode }: NiftiOrientation): "sform" | "qform" | null {
  const isKnown = (code: number): boolean => code >= 1 && code <= 5;
  if (isKnown(sformCode)) return "sform";
  return isKnown(qformCode) ? "qform" : null;
}

/** Returns the spacing as nibabel reads it from pixdim: without sign, and 1 for 0. */
const spacingXyz = (pixdim: readonly number[]): readonly [x: number, y: number, z: number] => [
  Math.abs(pixdim[1]!) || 1,
  Math.abs(pixdim[2]!) || 1,
  Math.abs(pixdim[3]!) || 1,
];

/**
 * Returns the real part of a quaternion whose other parts are in the header. A part close to 0 becomes 0. For a
 * quaternion longer than 1, which nibabel refuses, the part is NaN.
 */
export function realPart({ quaternion, version }: NiftiOrientation): number {
  const [b, c, d] = quaternion as [number, number, number];
  const square = 1 - (b * b + c * c + d * d);
  // nibabel's `quaternion_threshold`: three times the precision of float32, or of float64 in NIfTI-2.
  return Math.abs(square) < 3 * (version === 1 ? 2 ** -23 : 2 ** -52) ? 0 : Math.sqrt(square);
}

/** Returns the qform's matrix. A qfac other than -1 counts as 1, and the quaternion is scaled to length 1. */
function fromQform(nifti: NiftiOrientation): Affine {
  const { quaternion, pixdim } = nifti;
  const [b, c, d, ...origin] = quaternion as [number, number, number, number, number, number];
  const a = realPart(nifti);
  const s = 2 / (a * a + b * b + c * c + d * d);
  const rows = [
    [1 - s * (c * c + d * d), s * (b * c - d * a), s * (b * d + c * a)],
    [s * (b * c + d * a), 1 - s * (b * b + d * d), s * (c * d - b * a)],
    [s * (b * d - c * a), s * (c * d + b * a), 1 - s * (b * b + c * c)],
  ];
  const [x, y, z] = spacingXyz(pixdim);
  const steps = [x, y, pixdim[0] === -1 ? -z : z];
  return [
    ...rows.flatMap((row, i) => [...row.map((part, axis) => part * steps[axis]! || 0), origin[i]!]),
    ...[0, 0, 0, 1],
  ];
}

function fromSpacing({ pixdim }: NiftiOrientation, [z, y, x]: Zyx): Affine {
  const [stepX, stepY, stepZ] = spacingXyz(pixdim);
  const steps = [-stepX, stepY, stepZ];
  const middle = [(x - 1) / 2, (y - 1) / 2, (z - 1) / 2];
  return [
    ...steps.flatMap((step, row) => {
      const axes = [0, 1, 2].map((axis) => (axis === row ? step : 0));
      return [...axes, -middle[row]! * step || 0];
    }),
    ...[0, 0, 0, 1],
  ];
}
