import { Undecodable } from "../undecodable.js";
import { BitReader } from "./bit-reader.js";
import { inverseDct } from "./inverse-dct.js";
import type { JpegHeader } from "./jpeg-header.js";

/** The place in a block of 8 × 8 of each coefficient, in the order of the file (T.81, figure 5). */
const zigzag = [
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46,
  53, 60, 61, 54, 47, 55, 62, 63,
] as const;

/**
 * Decodes the baseline and the extended sequential process of JPEG, with 8 or 12 bits (T.81, F).
 *
 * @throws Undecodable
 */
export function decodeSequential(bytes: Uint8Array, header: JpegHeader): Uint16Array {
  const { rows, columns, precision, restartInterval } = header;
  const dc = header.dcTables.get(header.dcTable);
  const ac = header.acTables.get(header.acTable);
  const quantization = header.quantizations.get(header.quantization);
  if (dc === undefined || ac === undefined || quantization === undefined)
    throw new Undecodable("a table of its JPEG header is missing");
  const reader = new BitReader(bytes, header.scanAt);
  const block = new Int32Array(64);
  const pixels = new Uint16Array(rows * columns);
  const blockColumns = Math.ceil(columns / 8);
  const blockCount = blockColumns * Math.ceil(rows / 8);
  let mean = 0;
  for (let i = 0; i < blockCount; i++) {
    if (restartInterval > 0 && i > 0 && i % restartInterval === 0) {
      reader.restart();
      mean = 0;
    }
    block.fill(0);
    mean += reader.receive(bitsOf(reader.decode(dc)));
    block[0] = mean * quantization[0]!;
    for (let k = 1; k < 64; k++) {
      const runAndSize = reader.decode(ac);
      const size = runAndSize & 15;
      if (size === 0) {
        if (runAndSize !== 0xf0) break;
        k += 15;
        continue;
      }
      k += runAndSize >> 4;
      if (k > 63) throw new Undecodable("a block has more than 64 coefficients");
      block[zigzag[k]!] = reader.receive(size) * quantization[k]!;
    }
    inverseDct(block, precision);
    copyBlock(block, pixels, {
      rows,
      columns,
      top: Math.floor(i / blockColumns) * 8,
      left: (i % blockColumns) * 8,
    });
  }
  reader.checkComplete();
  return pixels;
}

function bitsOf(size: number): number {
  if (size > 15) throw new Undecodable("a coefficient has more than 15 bits");
  return size;
}

interface BlockPlace {
  readonly rows: number;
  readonly columns: number;
  readonly top: number;
  readonly left: number;
}

function copyBlock(block: Int32Array, pixels: Uint16Array, { rows, columns, top, left }: BlockPlace): void {
  const height = Math.min(8, rows - top);
  const width = Math.min(8, columns - left);
  for (let y = 0; y < height; y++) {
    const at = (top + y) * columns + left;
    for (let x = 0; x < width; x++) pixels[at + x] = block[y * 8 + x]!;
  }
}
