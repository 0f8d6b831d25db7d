import { type Axis, mapZyx } from "../../volume/axes.js";

/** Three rows of three numbers. */
export type Rows = readonly [Row, Row, Row];
type Row = readonly [number, number, number];

const single = Math.fround;

/** Changes each number of a matrix. */
export const mapRows = (rows: Rows, change: (value: number, row: Axis, column: Axis) => number): Rows =>
  mapZyx(rows, (row, i) => mapZyx(row, (value, j) => change(value, i, j)));

export const transposed = (rows: Rows): Rows => mapRows(rows, (_, i, j) => rows[j]![i]!);

export function determinant([[a, b, c], [d, e, f], [g, h, i]]: Rows): number {
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

/**
 * Returns the rotation, or rotation with reflection, that is closest to a matrix, in float32.
 *
 * The NIfTI library finds it by Higham's iteration for the polar decomposition, and ITK writes the result, so each rounding
 * matters: an orientation that ITK reads again would differ in its last digits otherwise.
 */
export function closestRotation(matrix: Rows): Rows {
  let x = mapRows(matrix, single);
  for (let step = 0, change = 1; step <= mostSteps; step++) {
    const y = inverse(x);
    const gain = change > farChange ? Math.fround(Math.sqrt(single(sizeOf(y) / sizeOf(x)))) : 1;
    const inverseGain = single(1 / gain);
    const next = mapRows(x, (value, i, j) =>
      single(0.5 * single(single(gain * value) + single(inverseGain * y[j]![i]!))),
    );
    change = next.flat().reduce((sum, value, i) => sum + Math.abs(single(value - x.flat()[i]!)), 0);
    x = next;
    if (change < nearChange) break;
  }
  return x;
}

const mostSteps = 100;
/** Above it, a step is scaled to converge faster. */
const farChange = 0.3;
const nearChange = 3e-6;

/** The geometric mean of the largest sums of a row and of a column. */
function sizeOf(rows: Rows): number {
  const largest = (lines: Rows): number =>
    Math.max(...lines.map(([a, b, c]) => single(Math.abs(a) + Math.abs(b) + Math.abs(c))));
  return single(Math.sqrt(single(largest(rows) * largest(transposed(rows)))));
}

/** Returns the inverse; zeros for a matrix without one. */
function inverse([[a, b, c], [d, e, f], [g, h, i]]: Rows): Rows {
  const size = a * e * i - a * h * f - d * b * i + d * h * c + g * b * f - g * e * c;
  const scale = size === 0 ? 0 : 1 / size;
  const cofactors: Rows = [
    [e * i - h * f, -b * i + h * c, b * f - e * c],
    [-d * i + g * f, a * i - g * c, -a * f + d * c],
    [d * h - g * e, -a * h + g * b, a * e - d * b],
  ];
  return mapRows(cofactors, (value) => single(scale * value));
}

/** Returns the rows with length 1, computed in float32 as the NIfTI library does. */
export function unitRows(rows: Rows): Rows {
  const lengths = rows.map((row) => {
    const [a, b, c] = mapZyx(row, single);
    const square = single(single(single(a * a) + single(b * b)) + single(c * c));
    return square > 0 ? single(1 / Math.sqrt(square)) : 1;
  });
  return mapRows(rows, (value, i) => single(single(value) * lengths[i]!));
}
