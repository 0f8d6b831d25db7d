import type { Zyx } from "../volume/axes.js";
import type { Geometry } from "../volume/geometry.js";

/** The network's input grid, and how it came about. */
export interface Prepared {
  /** `channel × z × y × x` in transposed axes, on shared memory; one-hot channels of a previous stage last. */
  readonly data: Float32Array<SharedArrayBuffer>;
  readonly channelCount: number;
  readonly sizeZyx: Zyx;
  readonly history: PreprocessHistory;
}

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
