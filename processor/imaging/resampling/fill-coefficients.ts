import type { Zyx } from "../volume/axes.js";
import type { GridView } from "../volume/grid-view.js";
import { splinePadding } from "./b-spline.js";
import { filterAxis } from "./spline-coefficients.js";
import { paddedSize, type ZoomInput } from "./zoom.js";

export interface FillCoefficientsTask {
  readonly input: ZoomInput;
  readonly from: GridView;
  readonly order: number;
  readonly cutsInput: boolean;
  /** The output, with the size of `paddedSize`. */
  readonly coefficients: Float64Array<SharedArrayBuffer>;
}

/**
 * Turns samples into the coefficients of a spline, with the border repeated around them, as `scipy.ndimage.zoom` does for
 * `mode="nearest"`. The axes are filtered in the order x, y, z.
 */
export function fillCoefficients({
  input,
  from,
  order,
  cutsInput,
  coefficients,
}: FillCoefficientsTask): void {
  const size: Zyx = paddedSize(from.sizeZyx);
  const inside = (i: number, axis: 0 | 1 | 2): number =>
    Math.min(Math.max(i - splinePadding, 0), from.sizeZyx[axis] - 1) * from.stridesZyx[axis];
  let at = 0;
  for (let z = 0; z < size[0]; z++)
    for (let y = 0; y < size[1]; y++) {
      const row = from.offset + inside(z, 0) + inside(y, 1);
      for (let x = 0; x < size[2]; x++) {
        const value = input[row + inside(x, 2)]!;
        coefficients[at++] = cutsInput ? Math.trunc(value) : value;
      }
    }
  for (const axis of [2, 1, 0] as const) filterAxis(coefficients, { size, axis, order });
}
