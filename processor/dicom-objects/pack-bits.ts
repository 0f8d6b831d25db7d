import type { SliceExtent } from "./label-extents.js";

/** One frame of a binary segmentation: the voxels of one slice that have this label. */
export interface BinaryFrame {
  readonly voxels: Uint8Array | Uint16Array;
  readonly label: number;
  readonly extent: SliceExtent;
}

/**
 * Packs frames into bits: one after the other without padding, the first pixel in the lowest bit of the first byte
 * (PS3.5, 8.1.1). The parts are made one at a time, so that memory holds only a few frames.
 */
export function* packBits(
  frames: readonly BinaryFrame[],
  { rows, columns }: { readonly rows: number; readonly columns: number },
): Generator<Uint8Array> {
  const pixels = rows * columns;
  // Eight frames are a whole number of bytes.
  const framesPerPart = 8 * Math.max(1, Math.floor(partBits / (8 * pixels)));
  for (let first = 0; first < frames.length; first += framesPerPart) {
    const batch = frames.slice(first, first + framesPerPart);
    const bytes = new Uint8Array(Math.ceil((batch.length * pixels) / 8));
    for (const [i, frame] of batch.entries()) setBits(bytes, frame, { firstBit: i * pixels, rows, columns });
    yield bytes;
  }
}

/** 4 MiB. */
const partBits = 2 ** 25;

interface FramePlace {
  readonly firstBit: number;
  readonly rows: number;
  readonly columns: number;
}

function setBits(
  bytes: Uint8Array,
  { voxels, label, extent }: BinaryFrame,
  { firstBit, rows, columns }: FramePlace,
): void {
  const slice = extent.z * rows * columns;
  const [firstColumn, endColumn] = extent.columns;
  for (let y = extent.rows[0]; y < extent.rows[1]; y++) {
    const row = slice + y * columns;
    const bitOfRow = firstBit + y * columns;
    for (let x = firstColumn; x < endColumn; x++) {
      if (voxels[row + x] !== label) continue;
      const bit = bitOfRow + x;
      bytes[bit >>> 3]! |= 1 << (bit & 7);
    }
  }
}
