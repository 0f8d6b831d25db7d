import type { AxisTable } from "../../../imaging/resampling/axis-table.js";
import { positionTable } from "../../../imaging/resampling/position-table.js";
import { roundHalfToEven } from "../../../imaging/volume/round-half-to-even.js";

/** One axis of a case's grid, which spatial transforms change. */
export interface GridAxis {
  readonly size: number;
  readonly spacingMm: number;
  /** The position on this grid of each voxel of the image; NaN for voxels that were cropped away. */
  readonly positions: Float64Array;
}

export const wholeAxis = (size: number, spacingMm: number): GridAxis => ({
  size,
  spacingMm,
  positions: Float64Array.from({ length: size }, (_, i) => i),
});

/** MONAI's AFFINE_TOL: smaller differences of spacings do not resample. */
const tolerance = 1e-3;

/** Returns the spacing that `Spacing` gives to an axis: its own if the wanted one is nearly the same, or none is wanted. */
export function spacingAfter({ spacingMm }: GridAxis, wanted: number | null): number {
  if (wanted === null || !(wanted > 0) || Math.abs(spacingMm - wanted) <= tolerance) return spacingMm;
  return wanted;
}

/** A resampled axis before its positions are known. */
export interface NewAxis extends Pick<GridAxis, "size" | "spacingMm"> {
  /** The position of its first sample on the axis before. */
  readonly start: number;
}

/**
 * Returns the resampled axis. Either the first sample stays where it was or, if rounding errors hide the corner of an
 * oblique grid from MONAI, the middle does.
 *
 * @param length from the first to the last sample, in samples of the new axis
 */
export function newAxis(
  { size, spacingMm: before }: GridAxis,
  spacingMm: number,
  { length, startsAtFirst }: { readonly length: number; readonly startsAtFirst: boolean },
): NewAxis {
  const samples = roundHalfToEven(length + 1);
  const start = startsAtFirst ? 0 : size / 2 - ((spacingMm / before) * samples) / 2;
  return { size: samples, spacingMm, start };
}

/** Returns how the samples of a resampled axis are blended from those of the axis before. Positions end at the border. */
export function resamplingTable(
  axis: GridAxis,
  { size, spacingMm, start }: NewAxis,
  mode: "bilinear" | "nearest",
): AxisTable {
  const ratio = spacingMm / axis.spacingMm;
  return positionTable(
    Float64Array.from({ length: size }, (_, i) => start + i * ratio),
    axis.size,
    mode,
  );
}

/** @param picks true if labels are taken back to the image, so that each voxel takes the nearest sample */
export function resampledAxis(
  { positions, ...axis }: GridAxis,
  { size, spacingMm, start }: NewAxis,
  picks: boolean,
): GridAxis {
  const ratio = axis.spacingMm / spacingMm;
  const moved = positions.map((position) => {
    const at = Math.min(Math.max((position - start) * ratio, 0), size - 1);
    return picks ? roundHalfToEven(at) : at;
  });
  return { size, spacingMm, positions: moved };
}

/** Returns the axis after a crop to the samples from `from` to before `to`, which may be outside of it. */
export function croppedAxis({ positions, spacingMm }: GridAxis, from: number, to: number): GridAxis {
  const size = to - from;
  // Between the crop and the next sample, MONAI blends with zeros, which does not change the largest class.
  const moved = positions.map((position) => {
    const at = position - from;
    return at > -1 && at < size ? Math.min(Math.max(at, 0), size - 1) : Number.NaN;
  });
  return { size, spacingMm, positions: moved };
}

/** Returns the voxels of the image that are on the grid, as a half-open range. */
export function rangeOnGrid({ positions }: GridAxis): readonly [from: number, to: number] {
  const from = positions.findIndex((position) => !Number.isNaN(position));
  const last = positions.findLastIndex((position) => !Number.isNaN(position));
  return from < 0 ? [0, positions.length] : [from, last + 1];
}
