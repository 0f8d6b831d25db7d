import type { Zyx } from "../../imaging/volume/axes.js";

/**
 * Some finished slices of the network's answer. The sliding window hands them over as soon as no later window
 * can touch them, first slice first and without gaps, so that the whole answer never has to be in memory.
 */
export interface LogitSlab {
  /** Index of the first slice on the network's grid. */
  readonly zStart: number;
  /** Slices in this slab, rows, columns. */
  readonly sizeZyx: Zyx;
  readonly heads: number;
  /** `z × head × y × x`: each slice holds all its heads, on shared memory. Valid until the next slab is asked for. */
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
