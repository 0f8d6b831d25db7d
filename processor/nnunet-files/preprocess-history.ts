import type { Zyx } from "../imaging/volume/axes.js";
import type { Geometry } from "../imaging/volume/geometry.js";

/** Everything that export needs to undo the preprocessing. Sizes and boxes are in transposed axes. */
export interface PreprocessHistory {
  /** The input's own grid, not transposed. */
  readonly originalGeometry: Geometry;
  readonly sizeBeforeCroppingZyx: Zyx;
  /** Half-open box of the non-zero region. */
  readonly cropBoxZyx: Zyx<readonly [from: number, to: number]>;
  readonly sizeAfterCroppingZyx: Zyx;
  /** Of the input. */
  readonly originalSpacingMmZyx: Zyx;
  /** Of the network's grid; a 2-D configuration keeps the case's own first axis. */
  readonly networkSpacingMmZyx: Zyx;
}
