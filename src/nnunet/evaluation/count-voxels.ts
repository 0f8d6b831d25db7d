import type { VoxelArray } from "../../../processor/imaging/volume/image.js";
import { voxelWords } from "../../../processor/imaging/volume/voxel-words.js";

/** The numbers of voxels in which a reference and a prediction have or lack a label. */
export interface VoxelCounts {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  readonly trueNegatives: number;
}

/**
 * Counts voxels for each region, in one walk over both images, which may come in parts. Voxels that are to be ignored in the
 * reference do not count; other labels than the scored ones are background.
 */
export class VoxelCounter {
  readonly #regions: readonly (readonly number[])[];
  readonly #ignoreLabel: number | null;
  readonly #values: readonly number[];
  readonly #pairs: PairTable;

  /** @param regions for each label or region that is scored, its labels */
  constructor(regions: readonly (readonly number[])[], ignoreLabel: number | null) {
    this.#regions = regions;
    this.#ignoreLabel = ignoreLabel;
    this.#values = [...new Set([...regions.flat(), ...(ignoreLabel === null ? [] : [ignoreLabel])])];
    this.#pairs = new PairTable(this.#values);
  }

  /** @param prediction as many voxels as of the reference, at the same places */
  add(reference: VoxelArray, prediction: VoxelArray): void {
    this.#pairs.add(reference, prediction);
  }

  /** Returns the counts of each region. */
  counts(): VoxelCounts[] {
    const { size, pairs } = this.#pairs;
    const ignored = this.#ignoreLabel === null ? -1 : this.#values.indexOf(this.#ignoreLabel) + 1;
    return this.#regions.map((region) => {
      const isIn = Array.from({ length: size }, (_, i) => i > 0 && region.includes(this.#values[i - 1]!));
      const sums = [0, 0, 0, 0];
      for (let r = 0; r < size; r++) {
        if (r === ignored) continue;
        for (let p = 0; p < size; p++) sums[(isIn[r] ? 2 : 0) + (isIn[p] ? 1 : 0)]! += pairs[r * size + p]!;
      }
      const [trueNegatives = 0, falsePositives = 0, falseNegatives = 0, truePositives = 0] = sums;
      return { truePositives, falsePositives, falseNegatives, trueNegatives };
    });
  }
}

/** How often each pair of values (index in the reference, index in the prediction) occurs. Index 0 is any other value. */
class PairTable {
  readonly size: number;
  readonly pairs: Float64Array;
  readonly #table = new Uint32Array(65536);
  readonly #outside = new Map<number, number>();

  constructor(values: readonly number[]) {
    this.size = values.length + 1;
    this.pairs = new Float64Array(this.size * this.size);
    for (const [i, value] of values.entries()) {
      if (value >= 0 && value < this.#table.length) this.#table[value] = i + 1;
      else this.#outside.set(Math.fround(value), i + 1);
    }
  }

  add(reference: VoxelArray, prediction: VoxelArray): void {
    const { size, pairs } = this;
    const table = this.#table;
    const outside = this.#outside;
    // nnU-Net reads labels as float32. What is not a whole number is background: `table[1.5]` is undefined.
    const indexOf = (voxel: number): number =>
      table[voxel] ?? (outside.size === 0 ? 0 : (outside.get(Math.fround(voxel)) ?? 0));
    const pairOf = (i: number): number =>
      indexOf(Number(reference[i])) * size + indexOf(Number(prediction[i]));
    const ofReference = voxelWords(reference, reference.length);
    const ofPrediction = voxelWords(prediction, reference.length);
    const { perWord } = ofReference;
    const words =
      perWord === ofPrediction.perWord ? Math.min(ofReference.words.length, ofPrediction.words.length) : 0;
    for (let word = 0; word < words; ) {
      const start = word * perWord;
      let isUniform = true;
      for (let i = start; i < start + perWord; i++) {
        pairs[pairOf(i)]!++;
        if (pairOf(i) !== pairOf(start)) isUniform = false;
      }
      word++;
      // Neighbours mostly repeat, so that whole words are equal.
      const end = isUniform
        ? endOfCommonRun(ofReference.words, ofPrediction.words, { start: word, end: words })
        : word;
      pairs[pairOf(start)]! += (end - word) * perWord;
      word = end;
    }
    for (let i = words * perWord; i < reference.length; i++) pairs[pairOf(i)]!++;
  }
}

/** Returns the first word from `start` that differs from the one before it, in one of two label maps. */
function endOfCommonRun(
  words: Uint32Array,
  others: Uint32Array,
  { start, end }: { readonly start: number; readonly end: number },
): number {
  const bits = words[start - 1]!;
  const otherBits = others[start - 1]!;
  let word = start;
  for (; word < end - 1; word += 2) {
    const differing =
      (words[word]! ^ bits) |
      (words[word + 1]! ^ bits) |
      (others[word]! ^ otherBits) |
      (others[word + 1]! ^ otherBits);
    if (differing !== 0) break;
  }
  while (word < end && words[word] === bits && others[word] === otherBits) word++;
  return word;
}
