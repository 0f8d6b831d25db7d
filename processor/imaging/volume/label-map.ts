import type { Geometry } from "./geometry.js";

/** A segmentation on the grid of the input image: one label for each voxel, x fastest. */
export interface LabelMap {
  /** uint8 below 255 foreground labels, else uint16: nnU-Net's rule. */
  readonly voxels: Uint8Array | Uint16Array;
  readonly geometry: Geometry;
}
