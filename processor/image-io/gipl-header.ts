import type { ElementType } from "./element-type.js";

/** Guy's Image Processing Lab's format: 256 bytes of header, then the voxels; everything is big-endian. */
export const giplHeaderBytes = 256;

/** Where the header has what ITK reads and writes; the rest stays 0. */
export const giplOffsets = { sizes: 0, type: 8, spacings: 10, origin: 204, magic: 252 } as const;

/** ITK writes the first one. */
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
