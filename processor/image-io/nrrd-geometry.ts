import { ProcessorError } from "../errors.js";
import type { Xyz } from "../volume/axes.js";
import { type Geometry, spacingOf } from "../volume/geometry.js";
import { directionOfColumns } from "./direction-of-columns.js";
import type { NrrdAxis, NrrdHeader } from "./nrrd-header.js";

/** Which axes of an array are axes of the image, and which one holds the values of a voxel. */
export interface NrrdLayout {
  /** Axes of the image, x first. */
  readonly domain: readonly NrrdAxis[];
  /** Index of the axis with the values of a voxel among all axes; null without one. */
  readonly componentAxis: number | null;
}

/**
 * Sorts the axes as ITK does: an axis of no known kind belongs to the image.
 *
 * @throws IMAGE_UNSUPPORTED, IMAGE_INVALID
 */
export function nrrdLayout(path: string, header: NrrdHeader): NrrdLayout {
  const { axes, spaceDimension } = header;
  for (const { kind, size } of axes) {
    if (kind?.size != null && kind.size !== size)
      throw new ProcessorError(
        "IMAGE_INVALID",
        `${path}: an axis of kind ${kind.name} has ${kind.size} values, not ${size}`,
      );
    if (kind !== null && unsupportedKinds.includes(kind.name))
      throw new ProcessorError("IMAGE_UNSUPPORTED", `${path}: voxels of kind ${kind.name}`);
  }
  const described = `axes ${axes.map(({ size, kind }) => `${size} (${kind?.name ?? "kind unknown"})`).join(" × ")}`;
  const ranges = axes.flatMap((axis, i) => (isDomain(axis, header) ? [] : [i]));
  const domain = axes.filter((axis) => isDomain(axis, header));
  const most = ranges.length === 0 ? 4 : 3;
  if (ranges.length > 1 || domain.length < 2 || domain.length > most)
    throw new ProcessorError(
      "IMAGE_UNSUPPORTED",
      `${path}: ${described}; an image has 2 or 3 axes, and may have one more for the values of a voxel`,
    );
  if (spaceDimension > 0 && spaceDimension !== domain.length)
    throw new ProcessorError(
      "IMAGE_UNSUPPORTED",
      `${path}: ${described} in a space of ${spaceDimension} dimensions; both must have the same number`,
    );
  for (const { direction, spacing, min, max } of domain) {
    if (spaceDimension > 0 && (spacing !== null || (direction !== null && (min ?? max) !== null)))
      throw new ProcessorError(
        "IMAGE_INVALID",
        `${path}: has spacings or axis mins or maxs as well as a space with directions; only one of them can be right`,
      );
  }
  return { domain, componentAxis: ranges[0] ?? null };
}

/** ITK drops the mask, and nnU-Net cannot use complex numbers. */
const unsupportedKinds = ["complex", "3D-masked-symmetric-matrix"];

function isDomain(axis: NrrdAxis, { axes, spaceDimension }: NrrdHeader): boolean {
  if (axis.kind !== null) return axis.kind.isDomain;
  // ITK refuses this file; with a direction for every other axis there is one way to read it.
  const isLeftOver =
    axis.direction === null &&
    axes.length === spaceDimension + 1 &&
    axes.every((other) => other === axis || other.direction !== null);
  return !isLeftOver;
}

/** Signs that turn the file's space into LPS; ITK takes every other space as it is. */
function signsOf(header: NrrdHeader): readonly number[] {
  if (header.space?.name === "right-anterior-superior") return [-1, -1, 1];
  if (header.space?.name === "left-anterior-superior") return [1, -1, 1];
  return [1, 1, 1];
}

/** @throws IMAGE_INVALID for directions or an origin that make no grid */
export function nrrdGeometry(path: string, header: NrrdHeader, { domain }: NrrdLayout): Geometry {
  const dimensions = domain.length === 2 ? 2 : 3;
  const signs = signsOf(header);
  const spacings = domain.map(({ direction, spacing }) =>
    direction === null ? (spacing ?? 1) : lengthOf(direction.values),
  );
  const columns = domain.slice(0, dimensions).map(({ direction }, axis) => {
    if (direction === null) return [0, 1, 2].map((row) => (row === axis ? 1 : 0));
    // As NrrdIO computes it, so that the last bit agrees.
    const scale = 1 / spacings[axis]!;
    return direction.values.map((part, row) => scale * part * (signs[row] ?? 1));
  });
  const origin = originOf(header, domain, signs);
  if (spacings.includes(0) || origin.some((part) => !Number.isFinite(part)))
    throw new ProcessorError("IMAGE_INVALID", `${path}: its axes or its origin are not in space`);
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

/** NrrdIO's nrrdOriginCalculate where the header knows no space. */
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
