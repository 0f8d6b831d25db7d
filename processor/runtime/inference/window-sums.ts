import type { HeadRange } from "../../contract/head-ranges.js";
import type { Zyx } from "../../imaging/volume/axes.js";
import { halfFloatTable } from "../../imaging/volume/float16.js";
import type { Flip } from "./mirrorings.js";
import { addImportance, addWindow } from "./window-copy.js";

export interface SumsShape {
  /** The number of the network's heads. */
  readonly heads: number;
  readonly patchZyx: Zyx;
  /** The slices, rows and columns of the sums. */
  readonly sizeZyx: Zyx;
  /** One weight for each voxel of the patch. */
  readonly importance: Float32Array;
}

/** The outputs of a network for some windows. */
export interface WindowOutputs {
  /** `window × head × patch`; float16 numbers are given as their bits. */
  readonly values: Float32Array | Uint16Array;
  /** The corners (z y x) on the sums, which may be outside. */
  readonly cornersZyx: readonly Zyx[];
  readonly flip: Flip;
  /** The share of these outputs in the windows' mean. */
  readonly share: number;
}

const halfFloats = halfFloatTable();

/**
 * The weighted sums of some heads over the slices of the current row's windows. They are as deep as the patch, not as
 * the volume.
 */
export class WindowSums {
  readonly #sums: Float32Array;
  readonly #weights: Float32Array;
  #decoded = new Float32Array(0);

  readonly #shape: SumsShape;
  readonly #range: HeadRange;

  constructor(shape: SumsShape, range: HeadRange) {
    this.#shape = shape;
    this.#range = range;

    const [depth, rows, columns] = shape.sizeZyx;
    this.#sums = new Float32Array(this.#heads * depth * rows * columns);
    this.#weights = new Float32Array(depth * rows * columns);
  }

  get #heads(): number {
    return this.#range.to - this.#range.from;
  }

  /** Adds outputs of the heads of these sums. */
  add({ values, cornersZyx, flip, share }: WindowOutputs): void {
    const { patchZyx, importance, sizeZyx: sumsSizeZyx } = this.#shape;
    const perWindow = values.length / cornersZyx.length;
    cornersZyx.forEach((cornerZyx, i) => {
      const output = this.#decode(values.subarray(i * perWindow, (i + 1) * perWindow));
      addWindow({
        output,
        patchZyx,
        flip,
        importance,
        share,
        cornerZyx,
        sumsSizeZyx,
        heads: this.#heads,
        sums: this.#sums,
      });
    });
  }

  /** Adds the weights of windows whose outputs have all been added. */
  addWeights(cornersZyx: readonly Zyx[]): void {
    const { patchZyx, importance, sizeZyx: sumsSizeZyx } = this.#shape;
    for (const cornerZyx of cornersZyx)
      addImportance({ patchZyx, importance, sums: this.#weights, sumsSizeZyx, cornerZyx });
  }

  /**
   * Writes the weighted means of slices `from … to` of the current row.
   *
   * @param slab `slice × head × y × x` of all heads, of which the heads of these sums are written
   */
  finish(from: number, to: number, slab: Float32Array): void {
    const [, rows, columns] = this.#shape.sizeZyx;
    const plane = rows * columns;
    for (let slice = from; slice < to; slice++) {
      for (let head = 0; head < this.#heads; head++) {
        const source = (slice * this.#heads + head) * plane;
        const target = ((slice - from) * this.#shape.heads + this.#range.from + head) * plane;
        const weights = slice * plane;
        for (let i = 0; i < plane; i++)
          slab[target + i] = this.#sums[source + i]! / this.#weights[weights + i]!;
      }
    }
  }

  /** Drops the first slices, moves the next ones to the front, and fills the rest with zeros. */
  advance(slices: number): void {
    const [, rows, columns] = this.#shape.sizeZyx;
    for (const values of [this.#sums, this.#weights]) {
      const dropped = slices * rows * columns * (values === this.#sums ? this.#heads : 1);
      values.copyWithin(0, dropped);
      values.fill(0, Math.max(0, values.length - dropped));
    }
  }

  #decode(values: Float32Array | Uint16Array): Float32Array {
    if (values instanceof Float32Array) return values;
    if (this.#decoded.length !== values.length) this.#decoded = new Float32Array(values.length);
    const decoded = this.#decoded;
    for (let i = 0; i < values.length; i++) decoded[i] = halfFloats[values[i]!]!;
    return decoded;
  }
}
