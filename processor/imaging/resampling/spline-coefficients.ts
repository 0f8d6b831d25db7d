import { mapZyx, type Zyx } from "../volume/axes.js";
import { splineGain, splinePadding, splinePoles } from "./b-spline.js";

/** The spline of one label's indicator (1 where the label is, 0 elsewhere). */
export interface SplineCoefficientsTask {
  readonly labels: Int16Array;
  readonly label: number;
  readonly sizeZyx: Zyx;
  /** The order for each axis. Orders 2 to 5 filter the axis; 0 and 1 do not. */
  readonly orderZyx: Zyx;
  /** The output, with the padded size that `coefficientSize` returns. */
  readonly coefficients: Float64Array;
  /** Each slice along this axis has its own range; null for one range. */
  readonly apart: 0 | 1 | 2 | null;
  /** The indicator's smallest and largest values in each slice, or in the whole volume. */
  readonly minimum: Uint8Array;
  readonly maximum: Uint8Array;
}

export const splinePaddingOf = (order: number): number => (order > 1 ? splinePadding : 0);

export const coefficientSize = (sizeZyx: Zyx, orderZyx: Zyx): Zyx =>
  mapZyx(sizeZyx, (size, axis) => size + 2 * splinePaddingOf(orderZyx[axis]));

/**
 * Filters a label's indicator as `scipy.ndimage` does before it interpolates, with the same operations in the same order,
 * because the last bit decides between two labels that almost tie.
 */
export function splineCoefficients(task: SplineCoefficientsTask): void {
  const { sizeZyx, orderZyx, coefficients } = task;
  fillIndicator(task);
  const size = coefficientSize(sizeZyx, orderZyx);
  for (const axis of [0, 1, 2] as const) filterAxis(coefficients, { size, axis, order: orderZyx[axis] });
}

/** The lines of a volume along one axis, which become coefficients of a spline. */
export interface AxisFilter {
  readonly size: Zyx;
  readonly axis: 0 | 1 | 2;
  readonly order: number;
}

/** Filters all lines along one axis, in place. */
export function filterAxis(coefficients: Float64Array, { size, axis, order }: AxisFilter): void {
  const poles = splinePoles(order);
  if (poles.length === 0) return;
  const gain = splineGain(poles);
  const inner = axis === 0 ? size[1] * size[2] : axis === 1 ? size[2] : 1;
  const line = new Float64Array(size[axis]);
  for (let start = 0; start < coefficients.length; start += inner * size[axis]) {
    for (let first = start; first < start + inner; first++) {
      for (let i = 0; i < line.length; i++) line[i] = coefficients[first + i * inner]! * gain;
      for (const pole of poles) filterLine(line, pole);
      for (let i = 0; i < line.length; i++) coefficients[first + i * inner] = line[i]!;
    }
  }
}

function fillIndicator(task: SplineCoefficientsTask): void {
  const { labels, label, sizeZyx, orderZyx, coefficients, apart, minimum, maximum } = task;
  const [depth, height, width] = coefficientSize(sizeZyx, orderZyx);
  const [padZ, padY, padX] = mapZyx(orderZyx, splinePaddingOf);
  minimum.fill(1);
  maximum.fill(0);
  let at = 0;
  for (let z = 0; z < depth; z++) {
    const fromZ = clamped(z - padZ, sizeZyx[0]);
    for (let y = 0; y < height; y++) {
      const fromY = clamped(y - padY, sizeZyx[1]);
      const row = (fromZ * sizeZyx[1] + fromY) * sizeZyx[2];
      for (let x = 0; x < width; x++) {
        const fromX = clamped(x - padX, sizeZyx[2]);
        const value = labels[row + fromX] === label ? 1 : 0;
        coefficients[at++] = value;
        const group = apart === null ? 0 : apart === 0 ? fromZ : apart === 1 ? fromY : fromX;
        if (value === 0) minimum[group] = 0;
        else maximum[group] = 1;
      }
    }
  }
}

const clamped = (i: number, size: number): number => Math.min(Math.max(i, 0), size - 1);

/** scipy's `_apply_filter` with half-sample-symmetric ends, in place. */
function filterLine(line: Float64Array, pole: number): void {
  const last = line.length - 1;
  const first = line[0]!;
  const wholePower = pole ** line.length;
  let power = pole;
  let sum = first + wholePower * line[last]!;
  for (let i = 1; i <= last; i++, power *= pole) sum += power * (line[i]! + wholePower * line[last - i]!);
  line[0] = sum * (pole / (1 - wholePower * wholePower)) + first;
  for (let i = 1; i <= last; i++) line[i] = line[i]! + pole * line[i - 1]!;
  line[last] = line[last]! * (pole / (pole - 1));
  for (let i = last - 1; i >= 0; i--) line[i] = pole * (line[i + 1]! - line[i]!);
}
