import type { AxisRule, CoordinateRounding } from "./axis-rule.js";

/** The position of each output sample of one axis between the input's samples. */
export interface AxisTable {
  /** The lower neighbour, clamped to the axis. */
  readonly lower: Int32Array;
  /** The upper neighbour, clamped to the axis. */
  readonly upper: Int32Array;
  /** The weight of the upper neighbour, in [0, 1). */
  readonly weight: Float64Array;
}

/**
 * Returns the coordinate of output sample `i` on the input's axis. Sample centres are at half pixels, as in skimage's
 * `resize`, scipy's `grid_mode` and torch's `align_corners=False`.
 *
 * @example inputCoordinate(0, { from: 5, to: 8 }) // -0.1875
 */
export const inputCoordinate = (i: number, size: { readonly from: number; readonly to: number }): number =>
  (size.from / size.to) * (i + 0.5) - 0.5;

/**
 * Returns the table of a rule that takes the nearest sample or blends two samples. Splines of order 2 and above have no
 * such table.
 */
export function axisTable(rule: AxisRule, from: number, to: number): AxisTable {
  if (rule.by === "torch")
    return rule.mode === "linear" ? torchLinearTable(from, to, rule.rounding) : torchNearestTable(from, to);
  if (rule.order > 1) throw new Error(`a spline of order ${rule.order} has no table of two neighbours`);
  return rule.order === 0 ? nearestTable(from, to) : linearTable(from, to);
}

/**
 * Returns the table of linear interpolation with coordinates clamped to the axis (scipy's `mode="nearest"`, order 1).
 */
const linearTable = (from: number, to: number): AxisTable =>
  blendTable(from, to, (i) => inputCoordinate(i, { from, to }));

/** Returns the table of order 0: the nearest sample, rounding halves up (scipy's `floor(x + 0.5)`). */
export const nearestTable = (from: number, to: number): AxisTable =>
  pickTable(from, to, (i) => Math.floor(inputCoordinate(i, { from, to }) + 0.5));

/** Returns the table of torch's `linear`, `bilinear` and `trilinear`, with coordinates and weights in float32. */
export function torchLinearTable(from: number, to: number, rounding: CoordinateRounding): AxisTable {
  return blendTable(from, to, (i) => torchCoordinate(i, { from, to, rounding }));
}

/**
 * Returns the table of torch's `nearest-exact`. Its float32 rounding decides which neighbour a sample takes that is
 * exactly between two, so that 14 slices resized to 23 differ from scipy's order 0.
 */
const torchNearestTable = (from: number, to: number): AxisTable =>
  pickTable(from, to, (i) =>
    Math.floor(Math.fround(torchCoordinate(i, { from, to, rounding: "fused" }) + 0.5)),
  );

interface TorchAxis {
  readonly from: number;
  readonly to: number;
  readonly rounding: CoordinateRounding;
}

/**
 * Computes torch's `area_pixel_compute_source_index` in float32. The product of a float32 and `i + 0.5` is exact in
 * float64.
 */
function torchCoordinate(i: number, { from, to, rounding }: TorchAxis): number {
  const product = Math.fround(from / to) * (i + 0.5);
  return Math.fround((rounding === "fused" ? product : Math.fround(product)) - 0.5);
}

function blendTable(from: number, to: number, coordinate: (i: number) => number): AxisTable {
  const table = emptyTable(to);
  for (let i = 0; i < to; i++) {
    const x = Math.min(Math.max(coordinate(i), 0), from - 1);
    const lower = Math.floor(x);
    table.lower[i] = lower;
    table.upper[i] = Math.min(lower + 1, from - 1);
    table.weight[i] = x - lower;
  }
  return table;
}

function pickTable(from: number, to: number, sample: (i: number) => number): AxisTable {
  const table = emptyTable(to);
  for (let i = 0; i < to; i++) {
    const nearest = Math.min(Math.max(sample(i), 0), from - 1);
    table.lower[i] = nearest;
    table.upper[i] = nearest;
  }
  return table;
}

const emptyTable = (size: number): AxisTable => ({
  lower: new Int32Array(size),
  upper: new Int32Array(size),
  weight: new Float64Array(size),
});
