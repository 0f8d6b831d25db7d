import { column, percentile } from "./percentile.js";

/** An axis whose spacing is this many times that of the others is treated separately. */
const anisotropy = 3;

export interface TargetSpacing {
  /** In mm, on the axes of the files (z, y, x). */
  readonly spacing: readonly number[];
  /** The axis with a spacing below the median, because the images are very anisotropic; null if there is none. */
  readonly finerAxis: number | null;
}

/**
 * Returns the spacing to which images are resampled: the median of each axis. If one axis is more than three times as
 * coarse as the others and has less than a third of their voxels, its 10th percentile is taken, but not less than the
 * spacing of the others.
 *
 * @param spacings in mm, and sizes in voxels, one row (z, y, x) for each case
 */
export function targetSpacing(
  spacings: readonly (readonly number[])[],
  sizes: readonly (readonly number[])[],
): TargetSpacing {
  const axes = spacings[0]!.map((_, axis) => axis);
  const target = axes.map((axis) => percentile(column(spacings, axis), 50));
  const size = axes.map((axis) => percentile(column(sizes, axis), 50));
  const worst = target.indexOf(Math.max(...target));
  const others = axes.filter((axis) => axis !== worst);
  const otherSpacing = Math.max(...others.map((axis) => target[axis]!));
  const isAnisotropic =
    target[worst]! > anisotropy * otherSpacing &&
    size[worst]! * anisotropy < Math.min(...others.map((axis) => size[axis]!));
  if (!isAnisotropic) return { spacing: target, finerAxis: null };
  const low = percentile(column(spacings, worst), 10);
  const spacing = target.map((value, axis) =>
    axis === worst ? (low < otherSpacing ? otherSpacing + 1e-5 : low) : value,
  );
  return { spacing, finerAxis: worst };
}

/** Returns the order of axes that puts the coarsest one first: entry i is the axis of the file that becomes axis i. */
export function transposition(spacing: readonly number[]): readonly number[] {
  const worst = spacing.indexOf(Math.max(...spacing));
  return [worst, ...spacing.map((_, axis) => axis).filter((axis) => axis !== worst)];
}

/** Returns the order of axes that undoes another. */
export const inverseOf = (order: readonly number[]): readonly number[] =>
  order.map((_, axis) => order.indexOf(axis));
