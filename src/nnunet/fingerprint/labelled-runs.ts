import type { Zyx } from "../../../processor/imaging/volume/axes.js";
import { endOfRun, voxelWords } from "../../../processor/imaging/volume/voxel-words.js";
import type { Box, NumericVoxels } from "./nonzero-box.js";

/** The voxels of a label map that are above 0, as runs of neighbours in the order of memory. */
export class LabelledRuns {
  /** Where each run begins and ends (exclusive), in turn. */
  #bounds = new Uint32Array(1 << 12);
  #length = 0;
  #voxels = 0;

  /** Takes the next voxels of the label map. Several are looked at together, because most are as the one before. */
  add(voxels: NumericVoxels, start: number): void {
    const { words, perWord } = voxelWords(voxels, voxels.length);
    for (let word = 0; word < words.length; ) {
      const end = endOfRun(words, word + 1);
      const first = word * perWord;
      if (words[word] !== 0) {
        if (isAllPositive(voxels, first, first + perWord)) this.#extend(start + first, start + end * perWord);
        else
          for (let i = first; i < end * perWord; i++)
            if (voxels[i]! > 0) this.#extend(start + i, start + i + 1);
      }
      word = end;
    }
    for (let i = words.length * perWord; i < voxels.length; i++)
      if (voxels[i]! > 0) this.#extend(start + i, start + i + 1);
  }

  #extend(from: number, to: number): void {
    this.#voxels += to - from;
    if (this.#length > 0 && this.#bounds[this.#length - 1] === from) {
      this.#bounds[this.#length - 1] = to;
      return;
    }
    if (this.#length === this.#bounds.length) {
      const longer = new Uint32Array(this.#bounds.length * 2);
      longer.set(this.#bounds);
      this.#bounds = longer;
    }
    this.#bounds[this.#length++] = from;
    this.#bounds[this.#length++] = to;
  }

  /** Returns what collects the values of these voxels in one volume, after the whole label map was added. */
  gather(): GatheredValues {
    return new GatheredValues(this.#bounds.subarray(0, this.#length), this.#voxels);
  }

  /** Leaves out the values of voxels that are not in a box. */
  within(box: Box, sizeZyx: Zyx, channels: readonly Float32Array[]): readonly Float32Array[] {
    const isInside = this.#areInside(box, sizeZyx);
    return channels.map((values) => values.filter((_, i) => isInside[i] === 1));
  }

  #areInside([[z0, z1], [y0, y1], [x0, x1]]: Box, [, rows, columns]: Zyx): Uint8Array {
    const isInside = new Uint8Array(this.#voxels);
    let i = 0;
    for (let run = 0; run < this.#length; run += 2)
      for (let index = this.#bounds[run]!; index < this.#bounds[run + 1]!; index++, i++) {
        const x = index % columns;
        const row = (index - x) / columns;
        const y = row % rows;
        const z = (row - y) / rows;
        if (z >= z0 && z < z1 && y >= y0 && y < y1 && x >= x0 && x < x1) isInside[i] = 1;
      }
    return isInside;
  }
}

/** The values of some voxels of a volume, in the order of memory. */
export class GatheredValues {
  readonly values: Float32Array;
  readonly #bounds: Uint32Array;
  #run = 0;
  #filled = 0;

  constructor(bounds: Uint32Array, voxels: number) {
    this.#bounds = bounds;
    this.values = new Float32Array(voxels);
  }

  /** Takes the next voxels of the volume. */
  add(voxels: NumericVoxels, start: number): void {
    const end = start + voxels.length;
    const bounds = this.#bounds;
    for (; this.#run < bounds.length && bounds[this.#run]! < end; this.#run += 2) {
      const from = Math.max(bounds[this.#run]!, start) - start;
      const to = Math.min(bounds[this.#run + 1]!, end) - start;
      copyValues(voxels, from, to, this.values, this.#filled);
      this.#filled += to - from;
      if (bounds[this.#run + 1]! > end) return;
    }
  }
}

function isAllPositive(voxels: NumericVoxels, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (!(voxels[i]! > 0)) return false;
  return true;
}

function copyValues(
  voxels: NumericVoxels,
  from: number,
  to: number,
  values: Float32Array,
  filled: number,
): void {
  for (let i = from, at = filled; i < to; i++, at++) values[at] = voxels[i]!;
}
