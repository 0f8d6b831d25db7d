import type { Zyx } from "../../imaging/volume/axes.js";

/**
 * Some finished slices of the network's output. The sliding window sends them in order and without gaps, as soon as no
 * later window can change them, so that the whole output never has to be in memory.
 */
export interface LogitSlab {
  /** The index of the first slice on the network's grid. */
  readonly zStart: number;
  /** The slices in this slab, and the rows and columns of the network's grid. */
  readonly sizeZyx: Zyx;
  readonly heads: number;
  /** `z × head × y × x`: each slice holds all its heads, in shared memory. Valid until the next slab is requested. */
  readonly values: Float32Array<SharedArrayBuffer>;
  /** v2 averages logits; v1 averages probabilities. */
  readonly kind: "logits" | "probabilities";
}

/** All slabs of one case, in order. */
export interface LogitStream {
  readonly heads: number;
  /** The network's grid. */
  readonly sizeZyx: Zyx;
  readonly kind: "logits" | "probabilities";
  readonly slabs: AsyncIterable<LogitSlab>;
}
