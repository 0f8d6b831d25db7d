import { ProcessorError } from "../errors.js";
import type { Zyx } from "../volume/axes.js";
import type { Direction, Geometry } from "../volume/geometry.js";
import { identityDirection } from "../volume/geometry.js";
import type { NiftiOrientation } from "../volume/image.js";

type Columns = readonly (readonly [x: number, y: number, z: number])[];

/**
 * The geometry that ITK reads from a NIfTI header: spacing from pixdim; orientation from the sform if it is the scanner's
 * (code 1) or the only one, else from the qform, else none. RAS becomes LPS.
 *
 * @param preferSform nibabel's rule: the sform whenever there is one
 * @throws IMAGE_INVALID for a sheared sform, which no orthogonal grid can express
 */
export function niftiGeometry(
  path: string,
  orientation: NiftiOrientation,
  grid: { readonly sizeZyx: Zyx; readonly dimensions: 2 | 3; readonly preferSform: boolean },
): Geometry {
  const { qformCode, sformCode, pixdim } = orientation;
  const scale = millimetresPerUnit[orientation.xyztUnits & 7] ?? 1;
  const spacing = (axis: number): number => Math.abs(pixdim[axis]!) * scale || 1;
  const usesSform = sformCode > 0 && (grid.preferSform || qformCode === 0 || sformCode === 1);
  const { columns, origin } = usesSform
    ? fromSform(orientation)
    : qformCode > 0
      ? fromQform(orientation)
      : { columns: null, origin: [0, 0, 0] as const };
  const spacingMm = [spacing(1), spacing(2), spacing(3)] as const;
  return {
    sizeZyx: grid.sizeZyx,
    spacingMmZyx: [
      // SimpleITKIO gives a flat image a z spacing that no other axis comes near.
      grid.dimensions === 2 ? 999 * Math.max(spacingMm[0], spacingMm[1]) : spacingMm[2],
      spacingMm[1],
      spacingMm[0],
    ],
    originMmXyz: [-origin[0]! * scale || 0, -origin[1]! * scale || 0, origin[2]! * scale],
    directionXyz: columns === null || grid.dimensions === 2 ? identityDirection : toLps(path, columns),
    dimensions: grid.dimensions,
  };
}

/** xyzt_units: 1 metre, 2 millimetre, 3 micrometre. */
const millimetresPerUnit: Readonly<Record<number, number>> = { 1: 1000, 2: 1, 3: 0.001 };

function fromSform({ srow }: NiftiOrientation) {
  const columns = [0, 1, 2].map((axis) => [srow[axis]!, srow[4 + axis]!, srow[8 + axis]!] as const);
  return { columns, origin: [srow[3]!, srow[7]!, srow[11]!] as const };
}

/** The standard's quaternion; qfac is the sign of pixdim[0]. */
function fromQform({ quaternion, pixdim }: NiftiOrientation) {
  let [b, c, d] = quaternion as [number, number, number];
  let a = 1 - (b * b + c * c + d * d);
  if (a < 1e-7) {
    const length = 1 / Math.sqrt(b * b + c * c + d * d);
    [a, b, c, d] = [0, b * length, c * length, d * length];
  } else {
    a = Math.sqrt(a);
  }
  const handedness = pixdim[0]! < 0 ? -1 : 1;
  const columns = [
    [a * a + b * b - c * c - d * d, 2 * b * c + 2 * a * d, 2 * b * d - 2 * a * c],
    [2 * b * c - 2 * a * d, a * a + c * c - b * b - d * d, 2 * c * d + 2 * a * b],
    [
      handedness * (2 * b * d + 2 * a * c),
      handedness * (2 * c * d - 2 * a * b),
      handedness * (a * a + d * d - c * c - b * b),
    ],
  ] as const;
  return { columns, origin: quaternion.slice(3) };
}

function toLps(path: string, columns: Columns): Direction {
  const unit = columns.map(([x, y, z]) => {
    const length = Math.sqrt(x * x + y * y + z * z);
    return length === 0 ? null : [-x / length || 0, -y / length || 0, z / length || 0];
  });
  const [i, j, k] = unit;
  const dot = (u: readonly number[], v: readonly number[]) => u[0]! * v[0]! + u[1]! * v[1]! + u[2]! * v[2]!;
  if (!i || !j || !k || [dot(i, j), dot(i, k), dot(j, k)].some((cosine) => !(Math.abs(cosine) < 1e-3))) {
    throw new ProcessorError(
      "IMAGE_INVALID",
      `${path}: the sform is sheared or singular: its axes are not at right angles. Resample the image onto an orthogonal grid, or delete the sform so that the qform counts`,
    );
  }
  return [i[0]!, j[0]!, k[0]!, i[1]!, j[1]!, k[1]!, i[2]!, j[2]!, k[2]!];
}
