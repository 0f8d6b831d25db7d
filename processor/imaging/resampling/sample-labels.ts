import type { Range } from "../threads/split-range.js";
import type { Zyx } from "../volume/axes.js";

export interface SampleLabelsTask {
  readonly labels: Uint8Array | Uint16Array;
  readonly fromSizeZyx: Zyx;
  /** In shared memory, of the same type as the labels. */
  readonly output: Uint8Array | Uint16Array;
  readonly toSizeZyx: Zyx;
  /** A row-major 3 × 4 matrix from an index (x, y, z) of the output to a continuous index of the labels. */
  readonly indexMap: readonly number[];
  /** The slices of the output to compute. */
  readonly slices: Range;
}

/**
 * Puts labels on another grid as SimpleITK does with `sitkLabelLinear`: each of the eight nearest voxels votes with its
 * weight in linear interpolation, and the smallest label with the most votes wins. Voxels outside of the image, more than
 * half a voxel from its outermost centres, become 0.
 *
 * @returns the number of voxels inside
 */
export function sampleLabels(task: SampleLabelsTask): number {
  const { labels, fromSizeZyx, output, toSizeZyx, indexMap: m, slices } = task;
  const [depth, height, width] = fromSizeZyx;
  const [, rows, columns] = toSizeZyx;
  const x = axisOf(width, 1);
  const y = axisOf(height, width);
  const z = axisOf(depth, width * height);
  const votes = new Votes();
  let inside = 0;
  let at = slices.from * rows * columns;
  for (let k = slices.from; k < slices.to; k++) {
    for (let j = 0; j < rows; j++) {
      for (let i = 0; i < columns; i++, at++) {
        const isInside =
          place(x, m[0]! * i + m[1]! * j + m[2]! * k + m[3]!) &&
          place(y, m[4]! * i + m[5]! * j + m[6]! * k + m[7]!) &&
          place(z, m[8]! * i + m[9]! * j + m[10]! * k + m[11]!);
        if (!isInside) continue;
        inside++;
        votes.clear();
        for (let c = 0; c < 2; c++)
          for (let b = 0; b < 2; b++)
            for (let a = 0; a < 2; a++)
              votes.add(
                labels[z.offsets[c]! + y.offsets[b]! + x.offsets[a]!]!,
                z.weights[c]! * y.weights[b]! * x.weights[a]!,
              );
        output[at] = votes.winner();
      }
    }
  }
  return inside;
}

/** The two voxels that a place needs along one axis. */
interface LinearAxis {
  readonly size: number;
  readonly step: number;
  readonly offsets: Int32Array;
  readonly weights: Float64Array;
}

const axisOf = (size: number, step: number): LinearAxis => ({
  size,
  step,
  offsets: new Int32Array(2),
  weights: new Float64Array(2),
});

/** Sets offsets and weights for a continuous index; returns false if it is outside. */
function place({ size, step, offsets, weights }: LinearAxis, index: number): boolean {
  if (!(index >= -0.5 && index < size - 0.5)) return false;
  const start = Math.floor(index);
  // Beyond the outermost centres, the outermost voxel counts.
  offsets[0] = Math.max(start, 0) * step;
  offsets[1] = Math.min(start + 1, size - 1) * step;
  weights[1] = index - start;
  weights[0] = 1 - weights[1];
  return true;
}

/** The votes of at most eight voxels. */
class Votes {
  readonly #labels = new Uint16Array(8);
  readonly #weights = new Float64Array(8);
  #count = 0;

  clear(): void {
    this.#count = 0;
  }

  add(label: number, weight: number): void {
    let i = 0;
    while (i < this.#count && this.#labels[i] !== label) i++;
    if (i === this.#count) {
      this.#labels[i] = label;
      this.#weights[i] = 0;
      this.#count++;
    }
    this.#weights[i]! += weight;
  }

  winner(): number {
    let best = 0;
    for (let i = 1; i < this.#count; i++) {
      const ahead = this.#weights[i]! - this.#weights[best]!;
      if (ahead > 0 || (ahead === 0 && this.#labels[i]! < this.#labels[best]!)) best = i;
    }
    return this.#labels[best]!;
  }
}
