import type { Geometry } from "./geometry.js";

/** The probabilities of one class on the grid of an image, x fastest. */
export interface ProbabilityMap {
  readonly voxels: Float32Array<SharedArrayBuffer>;
  readonly geometry: Geometry;
}
