import type { GridFacts } from "../examine-case.js";
import type { ImageReaderName } from "../image-reader.js";

export interface PositionDifference {
  readonly name: "Origin" | "Direction" | "Affine";
  readonly a: readonly number[];
  readonly b: readonly number[];
}

/** Compares two channels, which nnU-Net does after it has turned them, if it turns images. */
export const channelPositions = (a: GridFacts, b: GridFacts, reader: ImageReaderName) =>
  positions({ ...a, affine: a.turnedAffine }, { ...b, affine: b.turnedAffine }, reader);

/** Returns where two grids are at different places, in the terms of the reader. Photographs and TIFF have no place. */
export function positions(
  a: GridFacts,
  b: GridFacts,
  reader: ImageReaderName,
): readonly PositionDifference[] {
  if (a.affine !== null && b.affine !== null)
    return isClose(a.affine, b.affine) ? [] : [{ name: "Affine", a: a.affine, b: b.affine }];
  if (!reader.startsWith("SimpleITK")) return [];
  return [
    ...(isClose(a.originMmXyz, b.originMmXyz)
      ? []
      : [{ name: "Origin" as const, a: a.originMmXyz, b: b.originMmXyz }]),
    ...(isClose(a.directionXyz, b.directionXyz)
      ? []
      : [{ name: "Direction" as const, a: a.directionXyz, b: b.directionXyz }]),
  ];
}

export const isEqual = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((value, i) => value === b[i]);

/** numpy's `allclose(b, a)`. */
export const isClose = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((value, i) => Math.abs(b[i]! - value) <= 1e-8 + 1e-5 * Math.abs(value));
