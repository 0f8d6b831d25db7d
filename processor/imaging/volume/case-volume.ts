import type { Affine } from "./affine.js";
import type { Zyx } from "./axes.js";
import type { Geometry } from "./geometry.js";
import type { ImageSource } from "./image.js";

/** The channels of one case on one grid, as nnU-Net's readers return them. */
export interface CaseVolume {
  /** `channel × z × y × x`, in shared memory. */
  readonly channels: Float32Array<SharedArrayBuffer>;
  readonly channelCount: number;
  readonly geometry: Geometry;
  readonly source: ImageSource;
  /** Present for a bundle of MONAI: nibabel's matrix of this grid, without rounding. */
  readonly affine?: Affine;
  /** Present for a case that NVIDIA's preprocessing wrote: the channels are on this grid, not on that of `geometry`. */
  readonly prepared?: PreparedGrid;
}

/** A network's grid, and the part of the image that it shows. */
export interface PreparedGrid {
  readonly sizeZyx: Zyx;
  readonly cropBoxZyx: Zyx<readonly [from: number, to: number]>;
}
