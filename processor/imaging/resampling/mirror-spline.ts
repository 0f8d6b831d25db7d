import type { Range } from "../threads/split-range.js";
import type { Zyx } from "../volume/axes.js";

const pole = Math.sqrt(3) - 2;
/** Powers of the pole beyond this many are below the precision of a double. */
const horizon = 32;

export interface MirrorSplineTask {
  /** Samples, which become the coefficients of their cubic spline along one axis. */
  readonly values: Float32Array<SharedArrayBuffer>;
  readonly sizeZyx: Zyx;
  readonly axis: 0 | 1 | 2;
  /** The lines along the axis to filter. */
  readonly lines: Range;
}

/**
 * Turns samples into the coefficients of a cubic B-spline, one axis after the other, as ITK's
 * BSplineDecompositionImageFilter does: samples are mirrored at the centres of the first and the last voxel.
 */
export function mirrorSpline({ values, sizeZyx, axis, lines }: MirrorSplineTask): void {
  const length = sizeZyx[axis];
  if (length === 1) return;
  const step = axis === 0 ? sizeZyx[1] * sizeZyx[2] : axis === 1 ? sizeZyx[2] : 1;
  const line = new Float64Array(length);
  for (let i = lines.from; i < lines.to; i++) {
    const first = Math.floor(i / step) * step * length + (i % step);
    for (let k = 0, at = first; k < length; k++, at += step) line[k] = 6 * values[at]!;
    filter(line);
    for (let k = 0, at = first; k < length; k++, at += step) values[at] = line[k]!;
  }
}

function filter(line: Float64Array): void {
  const last = line.length - 1;
  line[0] = firstCausal(line);
  for (let k = 1; k <= last; k++) line[k] = line[k]! + pole * line[k - 1]!;
  line[last] = (pole / (pole * pole - 1)) * (line[last]! + pole * line[last - 1]!);
  for (let k = last - 1; k >= 0; k--) line[k] = pole * (line[k + 1]! - line[k]!);
}

/** Returns the sum over the mirrored line, which has a period of twice its length less two. */
function firstCausal(line: Float64Array): number {
  const last = line.length - 1;
  const period = 2 * last;
  let sum = 0;
  let power = 1;
  for (let k = 0; k < Math.min(period, horizon); k++, power *= pole)
    sum += power * line[k <= last ? k : period - k]!;
  return period < horizon ? sum / (1 - power) : sum;
}
