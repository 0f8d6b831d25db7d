import type { ElementType } from "../element-type.js";

/**
 * The length of the header in the Guy's Image Processing Lab format. The voxels follow it; all numbers are big-endian.
 */
export const giplHeaderBytes = 256;

/** Offsets of the fields that ITK reads and writes; the rest of the header is 0. */
export const giplOffsets = { sizes: 0, type: 8, spacings: 10, origin: 204, magic: 252 } as const;

/** The magic numbers: ITK reads both and writes the first. */
export const giplMagics: readonly number[] = [0xefffe9b0, 0x2ae389b8];

export const giplTypes: ReadonlyMap<number, ElementType> = new Map<number, ElementType>([
  [8, "uint8"],
  [1, "uint8"],
  [7, "int8"],
  [15, "int16"],
  [16, "uint16"],
  [64, "float32"],
  [65, "float64"],
]);
