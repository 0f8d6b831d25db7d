import type { Geometry } from "./geometry.js";

/** A segmentation on the grid of the input image: one label for each voxel, x fastest. */
export interface LabelMap {
  /** uint8 for fewer than 255 foreground labels, otherwise uint16, as in nnU-Net. */
  readonly voxels: Uint8Array | Uint16Array;
  readonly geometry: Geometry;
  /** The names of the labels, which a NIfTI file then holds in an extension; absent to write none. */
  readonly names?: readonly LabelName[];
}

export interface LabelName {
  readonly name: string;
  readonly value: number;
}
