import type { Range } from "../threads/split-range.js";
import type { Zyx } from "../volume/axes.js";

/** Copies a volume into a larger one, whose margin repeats the border. */
export function padToDouble(task: {
  readonly values: Float32Array;
  readonly fromSizeZyx: Zyx;
  readonly coefficients: Float64Array;
  readonly sizeZyx: Zyx;
  readonly margin: Zyx;
  /** The slices of the larger volume to fill. */
  readonly slices: Range;
}): void {
  const { values, fromSizeZyx, coefficients, sizeZyx, margin, slices } = task;
  const [depth, height, width] = fromSizeZyx;
  const inside = (index: number, size: number): number => Math.min(Math.max(index, 0), size - 1);
  let at = slices.from * sizeZyx[1] * sizeZyx[2];
  for (let z = slices.from; z < slices.to; z++)
    for (let y = 0; y < sizeZyx[1]; y++) {
      const row = (inside(z - margin[0], depth) * height + inside(y - margin[1], height)) * width;
      for (let x = 0; x < sizeZyx[2]; x++) coefficients[at++] = values[row + inside(x - margin[2], width)]!;
    }
}

/** `√3 − 2` rounded once, as scipy writes it; `Math.sqrt(3) - 2` has another last bit. */
const pole = -0.2679491924311227;
const gain = (1 - pole) * (1 - 1 / pole);

/** Turns samples into the coefficients of a cubic spline along one axis, as scipy's `spline_filter1d(mode="nearest")`. */
export function exactSplineFilter(task: {
  readonly coefficients: Float64Array;
  readonly sizeZyx: Zyx;
  readonly axis: 0 | 1 | 2;
  readonly lines: Range;
}): void {
  const { coefficients, sizeZyx, axis, lines } = task;
  const length = sizeZyx[axis];
  if (length === 1) return;
  const step = axis === 0 ? sizeZyx[1] * sizeZyx[2] : axis === 1 ? sizeZyx[2] : 1;
  const line = new Float64Array(length);
  for (let i = lines.from; i < lines.to; i++) {
    const first = Math.floor(i / step) * step * length + (i % step);
    for (let k = 0, at = first; k < length; k++, at += step) line[k] = coefficients[at]! * gain;
    filterLine(line);
    for (let k = 0, at = first; k < length; k++, at += step) coefficients[at] = line[k]!;
  }
}

/** The samples are reflected at the borders of the outermost voxels. */
function filterLine(line: Float64Array): void {
  const count = line.length;
  const far = pole ** count;
  const first = line[0]!;
  let sum = first + far * line[count - 1]!;
  let power = pole;
  for (let i = 1; i < count; i++) {
    sum += power * (line[i]! + far * line[count - 1 - i]!);
    power *= pole;
  }
  line[0] = sum * (pole / (1 - far * far)) + first;
  for (let i = 1; i < count; i++) line[i] = line[i]! + pole * line[i - 1]!;
  line[count - 1] = line[count - 1]! * (pole / (pole - 1));
  for (let i = count - 2; i >= 0; i--) line[i] = pole * (line[i + 1]! - line[i]!);
}

/** Evaluates the spline on the new grid, with half-pixel coordinates (scipy's `grid_mode`). */
export function exactSample(task: {
  readonly coefficients: Float64Array;
  readonly sizeZyx: Zyx;
  readonly fromSizeZyx: Zyx;
  readonly margin: Zyx;
  readonly output: Float32Array;
  readonly toSizeZyx: Zyx;
  readonly isFlat: boolean;
  readonly slices: Range;
}): void {
  const { coefficients, sizeZyx, fromSizeZyx, margin, output, toSizeZyx, isFlat, slices } = task;
  const [z, y, x] = ([0, 1, 2] as const).map((axis) =>
    axisPlaces(fromSizeZyx[axis], toSizeZyx[axis], margin[axis]),
  ) as [AxisPlaces, AxisPlaces, AxisPlaces];
  const plane = sizeZyx[1] * sizeZyx[2];
  const width = sizeZyx[2];
  let at = slices.from * toSizeZyx[1] * toSizeZyx[2];
  for (let k = slices.from; k < slices.to; k++)
    for (let j = 0; j < toSizeZyx[1]; j++)
      for (let i = 0; i < toSizeZyx[2]; i++) {
        let sum = 0;
        const depth = isFlat ? 1 : 4;
        for (let c = 0; c < depth; c++) {
          const slice = (isFlat ? k : z.starts[k]! + c) * plane;
          for (let b = 0; b < 4; b++) {
            const row = slice + (y.starts[j]! + b) * width + x.starts[i]!;
            for (let a = 0; a < 4; a++) {
              let value = coefficients[row + a]!;
              if (!isFlat) value *= z.weights[4 * k + c]!;
              value *= y.weights[4 * j + b]!;
              value *= x.weights[4 * i + a]!;
              sum += value;
            }
          }
        }
        output[at++] = sum;
      }
}

interface AxisPlaces {
  /** The first of four coefficients for each position. */
  readonly starts: Int32Array;
  readonly weights: Float64Array;
}

function axisPlaces(from: number, to: number, margin: number): AxisPlaces {
  const starts = new Int32Array(to);
  const weights = new Float64Array(4 * to);
  const zoom = from / to;
  for (let i = 0; i < to; i++) {
    const place = (i + 0.5) * zoom - 0.5 + margin;
    const floor = Math.floor(place);
    starts[i] = floor - 1;
    const after = place - floor;
    const before = 1 - after;
    const first = (before * before * before) / 6;
    const second = (after * after * (after - 2) * 3 + 4) / 6;
    const third = (before * before * (before - 2) * 3 + 4) / 6;
    weights.set([first, second, third, 1 - first - second - third], 4 * i);
  }
  return { starts, weights };
}
