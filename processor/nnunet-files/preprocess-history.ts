import type { Zyx } from "../imaging/volume/axes.js";
import type { Geometry } from "../imaging/volume/geometry.js";

/** The facts that the export needs to undo the preprocessing. Sizes and boxes are in transposed axes. */
export interface PreprocessHistory {
  /** The input's own grid, not transposed. */
  readonly originalGeometry: Geometry;
  readonly sizeBeforeCroppingZyx: Zyx;
  /** The half-open box of the non-zero region. */
  readonly cropBoxZyx: Zyx<readonly [from: number, to: number]>;
  readonly sizeAfterCroppingZyx: Zyx;
  /** The spacing of the input. */
  readonly originalSpacingMmZyx: Zyx;
  /** The spacing of the network's grid. A 2-D configuration keeps the spacing of the case's first axis. */
  readonly networkSpacingMmZyx: Zyx;
  /**
   * For a bundle of MONAI: the position of each voxel of the crop box on the network's grid, along each axis. Absent if
   * the sizes alone say it.
   */
  readonly networkPositionsZyx?: Zyx<Float64Array>;
}
