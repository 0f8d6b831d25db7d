/** Where each output sample of one axis lies between the input's samples. */
export interface AxisTable {
  /** Lower neighbour, clamped to the axis. */
  readonly lower: Int32Array;
  /** Upper neighbour, clamped to the axis. */
  readonly upper: Int32Array;
  /** Weight of the upper neighbour, in [0, 1). */
  readonly weight: Float64Array;
}

/**
 * The coordinate of output sample `i` on the input's axis: sample centres at half pixels, as skimage's `resize`, scipy's
 * `grid_mode` and torch's `align_corners=False` have it.
 *
 * @example inputCoordinate(0, { from: 5, to: 8 }) // -0.1875
 */
export const inputCoordinate = (i: number, size: { readonly from: number; readonly to: number }): number =>
  (size.from / size.to) * (i + 0.5) - 0.5;

/** Linear interpolation with coordinates clamped to the axis (scipy's `mode="nearest"`, order 1). */
export function linearTable(from: number, to: number): AxisTable {
  const table = emptyTable(to);
  for (let i = 0; i < to; i++) {
    const x = Math.min(Math.max(inputCoordinate(i, { from, to }), 0), from - 1);
    const lower = Math.floor(x);
    table.lower[i] = lower;
    table.upper[i] = Math.min(lower + 1, from - 1);
    table.weight[i] = x - lower;
  }
  return table;
}

/** Order 0: the nearest sample, half way up (scipy's `floor(x + 0.5)`, torch's `nearest-exact`). */
export function nearestTable(from: number, to: number): AxisTable {
  const table = emptyTable(to);
  for (let i = 0; i < to; i++) {
    const nearest = Math.min(Math.max(Math.floor(inputCoordinate(i, { from, to }) + 0.5), 0), from - 1);
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
