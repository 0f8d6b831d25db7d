import { imageError } from "../../errors.js";
import type { Zyx } from "../../volume/axes.js";
import type { Direction, Geometry } from "../../volume/geometry.js";
import { flatDirection, identityDirection, spacingOf } from "../../volume/geometry.js";
import type { NiftiOrientation } from "../../volume/image.js";
import { nibabelForm, niftiAffine, realPart } from "./nibabel-affine.js";
import { type Columns, leftSingular } from "./single-precision-svd.js";

/** The directions of the file's axes, scaled by the spacing, and their origin; in RAS. */
interface Form {
  readonly columns: Columns;
  readonly origin: readonly number[];
}

/**
 * Returns the geometry that ITK reads from a NIfTI header. The spacing comes from pixdim in xyzt_units. The orientation
 * comes from the sform if its axes are at right angles and the sform is the scanner's (code 1), the only form, or very
 * similar to the qform; else from the qform, if there is one. A negative pixdim reverses its axis. RAS becomes LPS.
 *
 * @param preferSform true for nibabel's rule, which takes the sform whenever there is one, even if sheared, and ignores
 *   xyzt_units
 * @throws IMAGE_INVALID for numbers that are not finite, and for a sheared sform without a qform
 */
export function niftiGeometry(
  path: string,
  orientation: NiftiOrientation,
  grid: { readonly sizeZyx: Zyx; readonly dimensions: 2 | 3; readonly preferSform: boolean },
): Geometry {
  const { pixdim } = orientation;
  const scale = grid.preferSform ? 1 : (millimetresPerUnit[orientation.xyztUnits & 7] ?? 1);
  const spacing = (axis: number): number => (Math.abs(pixdim[axis]!) || 1) * scale;
  const form = grid.preferSform
    ? formOfNibabel(path, orientation, grid.sizeZyx)
    : formOfItk(path, orientation);
  const origin = form?.origin ?? [0, 0, 0];
  const spacingMm = [spacing(1), spacing(2), spacing(3)] as const;
  const used = [...pixdim.slice(1, grid.dimensions + 1), ...origin, ...(form?.columns.flat() ?? [])];
  if (!used.every(Number.isFinite)) {
    throw imageError(
      "IMAGE_INVALID",
      `${path}: its spacing (pixdim ${pixdim.slice(1, 4).join(", ")}) or its orientation contains NaN or infinity`,
    );
  }
  const signs = [1, 2, 3].map((axis) => (!grid.preferSform && pixdim[axis]! < 0 ? -1 : 1));
  return {
    sizeZyx: grid.sizeZyx,
    spacingMmZyx: spacingOf(spacingMm, grid.dimensions),
    originMmXyz: [
      -origin[0]! * scale || 0,
      -origin[1]! * scale || 0,
      grid.dimensions === 2 ? 0 : origin[2]! * scale,
    ],
    directionXyz: directionOf(path, form, { dimensions: grid.dimensions, signs }),
    dimensions: grid.dimensions,
  };
}

/** Chooses the form as ITK's `NiftiImageIO::SetImageIOOrientationFromNIfTI` does. */
function formOfItk(path: string, orientation: NiftiOrientation): Form | null {
  const { qformCode, sformCode } = orientation;
  const qform = qformCode > 0 ? fromQform(orientation) : null;
  const sform = sformCode > 0 ? fromSform(orientation) : null;
  if (sform === null) return qform;
  if (isOrthogonal(sform.columns) && (qform === null || sformCode === 1 || areVerySimilar(sform, qform)))
    return sform;
  if (qform !== null) return qform;
  throw imageError(
    "IMAGE_INVALID",
    `${path}: the sform is sheared or singular: its axes are not at right angles, and there is no qform. Resample the image onto an orthogonal grid, or store a qform`,
  );
}

function formOfNibabel(path: string, orientation: NiftiOrientation, sizeZyx: Zyx): Form {
  if (nibabelForm(orientation) === "qform" && Number.isNaN(realPart(orientation)))
    throw imageError("IMAGE_INVALID", `${path}: the quaternion of its qform is longer than 1`);
  const affine = niftiAffine(orientation, sizeZyx);
  const column = (axis: number) => [affine[axis]!, affine[4 + axis]!, affine[8 + axis]!] as const;
  return { columns: [column(0), column(1), column(2)], origin: [affine[3]!, affine[7]!, affine[11]!] };
}

interface DirectionTask {
  readonly dimensions: 2 | 3;
  /** -1 for each axis to reverse, 1 for the others. */
  readonly signs: readonly number[];
}

function directionOf(path: string, form: Form | null, { dimensions, signs }: DirectionTask): Direction {
  const columns = form?.columns ?? lpsIdentityInRas;
  const turned = (axis: Columns): Columns =>
    axis.map(([x, y, z], i) => [x * signs[i]!, y * signs[i]!, z * signs[i]!] as const);
  if (dimensions === 3) return toLps(path, turned(unitColumns(columns)));
  const [[ix, iy], [jx, jy]] = columns as [Columns[0], Columns[1]];
  return flatDirection(
    toLps(
      path,
      turned(
        unitColumns([
          [ix, iy, 0],
          [jx, jy, 0],
          [0, 0, 1],
        ]),
      ),
    ),
  );
}

/** The direction that ITK uses for a file with neither form. */
const lpsIdentityInRas: Columns = [
  [-1, 0, 0],
  [0, -1, 0],
  [0, 0, 1],
];

/** ITK's tolerance for cosines, offsets in mm and spacings in mm. */
const tolerance = 1e-4;

function isOrthogonal(columns: Columns): boolean {
  const unit = unitColumns(columns);
  // ITK compares the rows of the rotation with each other.
  return [0, 1, 2].every((i) =>
    [0, 1, 2].every((j) => {
      const dot = unit.reduce((sum, column) => sum + column[i]! * column[j]!, 0);
      return Math.abs(dot - (i === j ? 1 : 0)) <= tolerance;
    }),
  );
}

/**
 * Returns whether ITK considers two forms the same (`sform_and_qform_are_very_similar`): equal singular values, left
 * singular vectors and offsets. A reversed axis changes none of them, so that a wrong qfac is ignored.
 */
function areVerySimilar(sform: Form, qform: Form): boolean {
  const isNear = (u: readonly number[], v: readonly number[]) =>
    u.every((value, i) => Math.abs(value - v[i]!) <= tolerance);
  if (!isNear(sform.origin, qform.origin)) return false;
  const [s, q] = [leftSingular(sform.columns), leftSingular(qform.columns)];
  // The sform's vectors times the inverse (the transpose) of the qform's.
  const product = [0, 1, 2].flatMap((row) =>
    [0, 1, 2].map((column) =>
      s.vectors.reduce((sum, vector, i) => sum + vector[row]! * q.vectors[i]![column]!, 0),
    ),
  );
  return isNear(s.values, q.values) && isNear(product, identityDirection);
}

function unitColumns(columns: Columns): Columns {
  return columns.map(([x, y, z]) => {
    const length = Math.sqrt(x * x + y * y + z * z);
    return [x / length, y / length, z / length] as const;
  });
}

/** The spatial codes of xyzt_units: 1 metre, 2 millimetre, 3 micrometre. */
const millimetresPerUnit: Readonly<Record<number, number>> = { 1: 1000, 2: 1, 3: 0.001 };

function fromSform({ srow }: NiftiOrientation): Form {
  const columns = [0, 1, 2].map((axis) => [srow[axis]!, srow[4 + axis]!, srow[8 + axis]!] as const);
  return { columns, origin: [srow[3]!, srow[7]!, srow[11]!] };
}

/** Returns the qform by the standard's quaternion. qfac is the sign of pixdim[0]. */
function fromQform({ quaternion, pixdim, version }: NiftiOrientation): Form {
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
  // For version 1, the NIfTI library keeps the matrix, including the spacing, in float32.
  const kept = version === 1 ? Math.fround : (value: number) => value;
  return {
    columns: columns.map(([x, y, z], axis) => {
      const spacing = pixdim[axis + 1]! > 0 ? pixdim[axis + 1]! : 1;
      return [kept(x * spacing), kept(y * spacing), kept(z * spacing)] as const;
    }),
    origin: quaternion.slice(3),
  };
}

function toLps(path: string, columns: Columns): Direction {
  const [i, j, k] = columns.map(([x, y, z]) => [-x || 0, -y || 0, z || 0] as const);
  if (columns.flat().some(Number.isNaN)) {
    throw imageError("IMAGE_INVALID", `${path}: an axis of its orientation has no direction`);
  }
  return [i![0], j![0], k![0], i![1], j![1], k![1], i![2], j![2], k![2]];
}
