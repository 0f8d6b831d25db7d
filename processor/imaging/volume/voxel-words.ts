import type { VoxelArray } from "./image.js";

/** Several voxels that are compared at once. */
export interface VoxelWords {
  readonly words: Uint32Array;
  /** The voxels in a word: 1, 2 or 4. */
  readonly perWord: number;
}

/**
 * Returns the bits of the first voxels as words of four bytes: equal words have equal voxels, which saves most of the time for label
 * maps. The last voxels may not fill a word. There are no words for voxels of eight bytes.
 */
export function voxelWords(voxels: VoxelArray, count: number): VoxelWords {
  const perWord = 4 / voxels.BYTES_PER_ELEMENT;
  return perWord >= 1 && voxels.byteOffset % 4 === 0
    ? { words: new Uint32Array(voxels.buffer, voxels.byteOffset, Math.floor(count / perWord)), perWord }
    : { words: new Uint32Array(0), perWord: 1 };
}

/**
 * Returns the first word from `start` that differs from the one before it, or the number of words. Four words are compared at once,
 * which halves the time.
 */
export function endOfRun(words: Uint32Array, start: number): number {
  const bits = words[start - 1]!;
  let word = start;
  for (const end = words.length - 3; word < end; word += 4) {
    const others =
      (words[word]! ^ bits) |
      (words[word + 1]! ^ bits) |
      (words[word + 2]! ^ bits) |
      (words[word + 3]! ^ bits);
    if (others !== 0) break;
  }
  while (word < words.length && words[word] === bits) word++;
  return word;
}
