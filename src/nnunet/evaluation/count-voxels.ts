import type { VoxelArray } from "../../../processor/imaging/volume/image.js";
import { voxelWords } from "../../../processor/imaging/volume/voxel-words.js";

/** The numbers of voxels in which a reference and a prediction have or lack a label. */
export interface VoxelCounts {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  readonly trueNegatives: number;
}

export interface CountVoxelsTask {
  readonly reference: VoxelArray;
  /** As many voxels as the reference has. */
  readonly prediction: VoxelArray;
  /** For each label or region that is scored, its labels. */
  readonly regions: readonly (readonly number[])[];
  readonly ignoreLabel: number | null;
}

/**
 * Counts voxels for each region, in one walk over both images. Voxels that are to be ignored in the reference do not
 * count; other labels than the scored ones are background.
 */
export function countVoxels({ reference, prediction, regions, ignoreLabel }: CountVoxelsTask): VoxelCounts[] {
  const values = [...new Set([...regions.flat(), ...(ignoreLabel === null ? [] : [ignoreLabel])])];
  const size = values.length + 1;
  const pairs = new Float64Array(size * size);
  countPairs(pairs, { reference, prediction, values });
  const isIgnored = (i: number): boolean => ignoreLabel !== null && values[i - 1] === ignoreLabel;
  return regions.map((region) => {
    const isIn = Array.from({ length: size }, (_, i) => i > 0 && region.includes(values[i - 1]!));
    const sums = [0, 0, 0, 0];
    for (let r = 0; r < size; r++) {
      if (isIgnored(r)) continue;
      for (let p = 0; p < size; p++) sums[(isIn[r] ? 2 : 0) + (isIn[p] ? 1 : 0)]! += pairs[r * size + p]!;
    }
    const [trueNegatives = 0, falsePositives = 0, falseNegatives = 0, truePositives = 0] = sums;
    return { truePositives, falsePositives, falseNegatives, trueNegatives };
  });
}

/** Fills the table of pairs (index in the reference, index in the prediction). Index 0 is any other value. */
function countPairs(
  pairs: Float64Array,
  {
    reference,
    prediction,
    values,
  }: Pick<CountVoxelsTask, "reference" | "prediction"> & { values: readonly number[] },
): void {
  const table = new Uint32Array(65536);
  const outside = new Map<number, number>();
  for (const [i, value] of values.entries()) {
    if (value >= 0 && value < table.length) table[value] = i + 1;
    else outside.set(Math.fround(value), i + 1);
  }
  // nnU-Net reads labels as float32. What is not a whole number is background: `table[1.5]` is undefined.
  const indexOf = (voxel: number): number =>
    table[voxel] ?? (outside.size === 0 ? 0 : (outside.get(Math.fround(voxel)) ?? 0));
  const size = values.length + 1;
  const pairOf = (i: number): number => indexOf(Number(reference[i])) * size + indexOf(Number(prediction[i]));
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

/** Returns the first word from `start` that differs from the one before it, in one of two label maps. */
function endOfCommonRun(
  words: Uint32Array,
  others: Uint32Array,
  { start, end }: { readonly start: number; readonly end: number },
): number {
  const bits = words[start - 1];
  const otherBits = others[start - 1];
  let word = start;
  while (word < end && words[word] === bits && others[word] === otherBits) word++;
  return word;
}
