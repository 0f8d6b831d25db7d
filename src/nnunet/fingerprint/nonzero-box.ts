import type { Zyx } from "../../../processor/imaging/volume/axes.js";
import type { VoxelArray } from "../../../processor/imaging/volume/image.js";

/** Voxels of any type whose elements are numbers. */
export type NumericVoxels = Exclude<VoxelArray, BigInt64Array | BigUint64Array>;

/** A half-open box of voxels. */
export type Box = Zyx<readonly [from: number, to: number]>;

/** The box of the voxels that are not zero in any of some volumes of one size, which come in blocks of whole rows. */
export class NonzeroBox {
  readonly #sizeZyx: Zyx;
  readonly #low: [number, number, number];
  readonly #high: [number, number, number] = [-1, -1, -1];

  constructor(sizeZyx: Zyx) {
    this.#sizeZyx = sizeZyx;
    this.#low = [...sizeZyx];
  }

  /** @param start the index of the block's first voxel in its volume */
  add(voxels: NumericVoxels, start: number): void {
    const [, rows, columns] = this.#sizeZyx;
    const low = this.#low;
    const high = this.#high;
    for (let from = 0; from < voxels.length; from += columns) {
      const first = firstNonzero(voxels, from, from + columns);
      if (first === from + columns) continue;
      const last = lastNonzero(voxels, from + columns - 1);
      const row = (start + from) / columns;
      const y = row % rows;
      const z = (row - y) / rows;
      low[0] = Math.min(low[0], z);
      high[0] = Math.max(high[0], z);
      low[1] = Math.min(low[1], y);
      high[1] = Math.max(high[1], y);
      low[2] = Math.min(low[2], first - from);
      high[2] = Math.max(high[2], last - from);
    }
  }

  /** Returns the box; null if all voxels are zero. */
  box(): Box | null {
    const side = (axis: 0 | 1 | 2) => [this.#low[axis], this.#high[axis] + 1] as const;
    return this.#high[0] === -1 ? null : [side(0), side(1), side(2)];
  }
}

function firstNonzero(voxels: NumericVoxels, from: number, to: number): number {
  let i = from;
  while (i < to && voxels[i] === 0) i++;
  return i;
}

/** Returns the last index up to `from` whose voxel is not zero; there must be one. */
function lastNonzero(voxels: NumericVoxels, from: number): number {
  let i = from;
  while (voxels[i] === 0) i--;
  return i;
}
