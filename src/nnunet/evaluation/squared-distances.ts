import { voxelCount, type Zyx } from "../../../processor/imaging/volume/axes.js";

export interface DistanceGrid {
  readonly sizeZyx: Zyx;
  readonly spacingMmZyx: Zyx;
}

/**
 * Returns, for each voxel, the squared distance in mm² to the nearest of the given voxels: an exact Euclidean distance
 * transform. It takes one pass per axis, each linear in the number of voxels, by the lower envelope of parabolas
 * (Felzenszwalb and Huttenlocher, "Distance transforms of sampled functions", 2012).
 *
 * @param from at least one voxel, as an index into `z × y × x`
 */
export function squaredDistances(from: Uint32Array, { sizeZyx, spacingMmZyx }: DistanceGrid): Float64Array {
  const [slices, rows, columns] = sizeZyx;
  const squaredMm = new Float64Array(voxelCount(sizeZyx)).fill(Number.POSITIVE_INFINITY);
  for (const voxel of from) squaredMm[voxel] = 0;
  const line = new DistanceLine(Math.max(...sizeZyx));
  for (let row = 0; row < slices * rows; row++)
    line.apply(squaredMm, { start: row * columns, stride: 1, length: columns, spacingMm: spacingMmZyx[2] });
  for (let z = 0; z < slices; z++)
    for (let x = 0; x < columns; x++)
      line.apply(squaredMm, {
        start: z * rows * columns + x,
        stride: columns,
        length: rows,
        spacingMm: spacingMmZyx[1],
      });
  for (let i = 0; i < rows * columns; i++)
    line.apply(squaredMm, { start: i, stride: rows * columns, length: slices, spacingMm: spacingMmZyx[0] });
  return squaredMm;
}

interface Line {
  readonly start: number;
  readonly stride: number;
  readonly length: number;
  readonly spacingMm: number;
}

/** The transform of one line, with its scratch memory. */
class DistanceLine {
  readonly #heights: Float64Array;
  /** The positions of the parabolas in the envelope. */
  readonly #peaks: Int32Array;
  /** The position from which each parabola is the lowest. */
  readonly #starts: Float64Array;

  constructor(longest: number) {
    this.#heights = new Float64Array(longest);
    this.#peaks = new Int32Array(longest);
    this.#starts = new Float64Array(longest);
  }

  apply(values: Float64Array, { start, stride, length, spacingMm }: Line): void {
    const scale = spacingMm * spacingMm;
    const heights = this.#heights;
    for (let i = 0; i < length; i++) heights[i] = values[start + i * stride]!;
    let last = -1;
    for (let q = 0; q < length; q++) {
      if (heights[q] === Number.POSITIVE_INFINITY) continue;
      let from = Number.NEGATIVE_INFINITY;
      while (last >= 0) {
        const p = this.#peaks[last]!;
        from = (heights[q]! - heights[p]! + scale * (q * q - p * p)) / (2 * scale * (q - p));
        if (from > this.#starts[last]!) break;
        last--;
        from = Number.NEGATIVE_INFINITY;
      }
      last++;
      this.#peaks[last] = q;
      this.#starts[last] = from;
    }
    if (last < 0) return;
    let lowest = 0;
    for (let i = 0; i < length; i++) {
      while (lowest < last && this.#starts[lowest + 1]! < i) lowest++;
      const p = this.#peaks[lowest]!;
      values[start + i * stride] = heights[p]! + scale * (i - p) * (i - p);
    }
  }
}
