import type { VoxelArray } from "../../../processor/imaging/volume/image.js";
import { numberBlocks } from "../../../processor/imaging/volume/number-blocks.js";
import { endOfRun, voxelWords } from "../../../processor/imaging/volume/voxel-words.js";

export interface Intensities {
  readonly minimum: number;
  readonly mean: number;
  readonly maximum: number;
}

/** Counts the voxels of an image that are not finite, and measures its intensities if wanted. */
export class ImageMeasure {
  readonly #measuresIntensities: boolean;
  #voxels = 0;
  #nanVoxels = 0;
  #infiniteVoxels = 0;
  #minimum = Number.POSITIVE_INFINITY;
  #maximum = Number.NEGATIVE_INFINITY;
  #sum = 0;

  constructor(measuresIntensities: boolean) {
    this.#measuresIntensities = measuresIntensities;
  }

  add(voxels: VoxelArray): void {
    const mayBeInfinite = voxels instanceof Float32Array || voxels instanceof Float64Array;
    if (!this.#measuresIntensities && !mayBeInfinite) return;
    this.#voxels += voxels.length;
    for (const numbers of numberBlocks(voxels)) {
      const { minimum, maximum, sum } = totalsOf(numbers);
      this.#minimum = Math.min(this.#minimum, minimum);
      this.#maximum = Math.max(this.#maximum, maximum);
      this.#sum += Number.isFinite(sum) ? sum : this.#sumOfFinite(numbers);
    }
  }

  #sumOfFinite(numbers: Float64Array): number {
    let sum = 0;
    for (const value of numbers) {
      if (Number.isNaN(value)) this.#nanVoxels++;
      else if (!Number.isFinite(value)) this.#infiniteVoxels++;
      else sum += value;
    }
    return sum;
  }

  result() {
    const intensities: Intensities | null = this.#measuresIntensities
      ? { minimum: this.#minimum, mean: this.#sum / this.#voxels, maximum: this.#maximum }
      : null;
    return { nanVoxels: this.#nanVoxels, infiniteVoxels: this.#infiniteVoxels, intensities };
  }
}

/** A function of its own, because Node optimises a short one better than a loop within a loop. */
function totalsOf(numbers: Float64Array) {
  let minimum = Number.POSITIVE_INFINITY;
  let maximum = Number.NEGATIVE_INFINITY;
  let sum = 0;
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i]!;
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
    sum += value;
  }
  return { minimum, maximum, sum };
}

/** The most distinct values of a label file that are kept. An image that was taken for labels has far more. */
const mostValues = 1000;

/** Counts how often each value of a label map occurs. */
export class LabelCounts {
  readonly #counts = new Map<number, number>();
  /** The value of the voxels just seen, and how many of them have it. */
  #last = Number.NaN;
  #run = 0;

  add(voxels: VoxelArray): void {
    const { words, perWord } = voxelWords(voxels, voxels.length);
    for (let word = 0; word < words.length; ) {
      this.#addEach(voxels, word * perWord, (word + 1) * perWord);
      word++;
      // All voxels of the word have the last value.
      const end = this.#run >= perWord ? endOfRun(words, word) : word;
      this.#run += (end - word) * perWord;
      word = end;
    }
    this.#addEach(voxels, words.length * perWord, voxels.length);
  }

  #addEach(voxels: VoxelArray, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const value = Math.fround(Number(voxels[i]));
      if (value !== this.#last && !(Number.isNaN(value) && Number.isNaN(this.#last))) {
        this.#endRun();
        this.#last = value;
      }
      this.#run++;
    }
  }

  #endRun(): void {
    const counts = this.#counts;
    const last = this.#last;
    if (this.#run > 0 && (counts.size < mostValues || counts.has(last)))
      counts.set(last, (counts.get(last) ?? 0) + this.#run);
    this.#run = 0;
  }

  /** Returns the distinct values, ascending, NaN last, and the voxels of each. */
  result() {
    this.#endRun();
    const counts = this.#counts;
    const values = [...counts.keys()].sort((a, b) => (Number.isNaN(a) ? 1 : Number.isNaN(b) ? -1 : a - b));
    return { values, counts: values.map((value) => counts.get(value)!) };
  }
}
