import type { Geometry } from "./geometry.js";
import type { ImageSource } from "./image.js";

/** The channels of one case on one grid, as nnU-Net's readers return them. */
export interface CaseVolume {
  /** `channel × z × y × x`, in shared memory. */
  readonly channels: Float32Array<SharedArrayBuffer>;
  readonly channelCount: number;
  readonly geometry: Geometry;
  readonly source: ImageSource;
}
