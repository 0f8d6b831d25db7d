import { imageError } from "../../errors.js";
import type { Xyz } from "../../volume/axes.js";
import { type Geometry, spacingOf } from "../../volume/geometry.js";
import { directionOfColumns } from "../direction-of-columns.js";
import type { NrrdAxis, NrrdHeader } from "./nrrd-header.js";

/** The roles of an array's axes: the axes of the image, and the axis with the values of a voxel. */
export interface NrrdLayout {
  /** The axes of the image, x first. */
  readonly domain: readonly NrrdAxis[];
  /** The index, among all axes, of the axis with the values of a voxel; null if there is no such axis. */
  readonly componentAxis: number | null;
}

/**
 * Sorts the axes as ITK does: an axis of unknown kind belongs to the image.
 *
 * @throws IMAGE_UNSUPPORTED, IMAGE_INVALID
 */
export function nrrdLayout(path: string, header: NrrdHeader): NrrdLayout {
  const { axes, spaceDimension } = header;
  for (const { kind, size } of axes) {
    if (kind?.size != null && kind.size !== size)
      throw imageError(
        "IMAGE_INVALID",
        `${path}: an axis of kind ${kind.name} must have ${kind.size} values, but has ${size}`,
      );
    if (kind !== null && unsupportedKinds.includes(kind.name))
      throw imageError("IMAGE_UNSUPPORTED", `${path}: voxels of kind ${kind.name} cannot be used`);
  }
  const described = `axes ${axes.map(({ size, kind }) => `${size} (${kind?.name ?? "kind unknown"})`).join(" × ")}`;
  const ranges = axes.flatMap((axis, i) => (isDomain(axis, header) ? [] : [i]));
  const domain = axes.filter((axis) => isDomain(axis, header));
  const most = ranges.length === 0 ? 4 : 3;
  if (ranges.length > 1 || domain.length < 2 || domain.length > most)
    throw imageError(
      "IMAGE_UNSUPPORTED",
      `${path}: it has ${described}; an image must have 2 or 3 axes, and may have one more for the values of a voxel`,
    );
  if (spaceDimension > 0 && spaceDimension !== domain.length)
    throw imageError(
      "IMAGE_UNSUPPORTED",
      `${path}: it has ${described} in a space of ${spaceDimension} dimensions; each dimension needs one axis`,
    );
  for (const { direction, spacing, min, max } of domain) {
    if (spaceDimension > 0 && (spacing !== null || (direction !== null && (min ?? max) !== null)))
      throw imageError(
        "IMAGE_INVALID",
        `${path}: it has both a space with directions and spacings, axis mins or axis maxs; remove one of the two`,
      );
  }
  return { domain, componentAxis: ranges[0] ?? null };
}

/** The kinds that are refused: ITK drops the mask, and nnU-Net cannot use complex numbers. */
const unsupportedKinds = ["complex", "3D-masked-symmetric-matrix"];

function isDomain(axis: NrrdAxis, { axes, spaceDimension }: NrrdHeader): boolean {
  if (axis.kind !== null) return axis.kind.isDomain;
  // ITK refuses this file, but its meaning is clear if every other axis has a direction.
  const isLeftOver =
    axis.direction === null &&
    axes.length === spaceDimension + 1 &&
    axes.every((other) => other === axis || other.direction !== null);
  return !isLeftOver;
}

/** Returns the signs that convert the file's space to LPS. ITK leaves every space other than RAS and LAS unchanged. */
function signsOf(header: NrrdHeader): readonly number[] {
  if (header.space?.name === "right-anterior-superior") return [-1, -1, 1];
  if (header.space?.name === "left-anterior-superior") return [1, -1, 1];
  return [1, 1, 1];
}

/**
 * Returns the geometry of the image in LPS.
 *
 * @throws IMAGE_INVALID for a spacing of 0, axes in one plane, and an origin that is not finite
 */
export function nrrdGeometry(path: string, header: NrrdHeader, { domain }: NrrdLayout): Geometry {
  const dimensions = domain.length === 2 ? 2 : 3;
  const signs = signsOf(header);
  const spacings = domain.map(({ direction, spacing }) =>
    direction === null ? (spacing ?? 1) : lengthOf(direction.values),
  );
  const columns = domain.slice(0, dimensions).map(({ direction }, axis) => {
    if (direction === null) return [0, 1, 2].map((row) => (row === axis ? 1 : 0));
    // These are the same operations as in NrrdIO, so that the last bit agrees.
    const scale = 1 / spacings[axis]!;
    return direction.values.map((part, row) => scale * part * (signs[row] ?? 1));
  });
  const origin = originOf(header, domain, signs);
  if (spacings.includes(0) || origin.some((part) => !Number.isFinite(part)))
    throw imageError("IMAGE_INVALID", `${path}: its spacing must not be 0 and its origin must be finite`);
  const [x = 1, y = 1, z = 1] = domain.map(({ size }) => size);
  return {
    sizeZyx: [dimensions === 2 ? 1 : z, y, x],
    spacingMmZyx: spacingOf(spacings.map(Math.abs), dimensions),
    originMmXyz: [origin[0] ?? 0, origin[1] ?? 0, dimensions === 2 ? 0 : (origin[2] ?? 0)] as Xyz,
    directionXyz: directionOfColumns(path, columns, spacings),
    dimensions,
  };
}

const lengthOf = (vector: readonly number[]): number =>
  Math.sqrt(vector.reduce((sum, part) => sum + part * part, 0));

/** Returns the origin in LPS; for a header without a space, as NrrdIO's nrrdOriginCalculate computes it. */
function originOf(
  header: NrrdHeader,
  domain: readonly NrrdAxis[],
  signs: readonly number[],
): readonly number[] {
  if (header.spaceDimension > 0)
    return header.spaceOrigin?.values.map((part, row) => part * (signs[row] ?? 1) || 0) ?? [0, 0, 0];
  const isKnown =
    domain[0]!.min !== null && domain.every(({ max, spacing }) => max !== null || spacing !== null);
  if (!isKnown) return [0, 0, 0];
  return domain.map(({ min, max, spacing, size, centering }) => {
    const isCell = centering !== "node";
    const first = min ?? Number.NaN;
    const step = spacing ?? (max! - first) / (isCell ? size : size - 1);
    return first + (isCell ? step / 2 : 0);
  });
}
