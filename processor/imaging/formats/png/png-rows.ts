import { imageError } from "../../errors.js";
import type { PngHeader } from "./png-chunks.js";

/** A pass over the image: the only one, or one of the seven passes of Adam7. */
export interface PngPass {
  /** Pixels per row. */
  readonly width: number;
  readonly rows: number;
  readonly firstX: number;
  readonly firstY: number;
  readonly stepX: number;
  readonly stepY: number;
}

/** First x, first y, step in x and step in y of each pass (PNG specification, 8.2). */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Returns the passes that contain pixels, in file order. */
function passesOf({ width, height, isInterlaced }: PngHeader): readonly PngPass[] {
  return (isInterlaced ? adam7 : [[0, 0, 1, 1] as const])
    .map(([firstX, firstY, stepX, stepY]) => ({
      firstX,
      firstY,
      stepX,
      stepY,
      width: Math.ceil((width - firstX) / stepX),
      rows: Math.ceil((height - firstY) / stepY),
    }))
    .filter((pass) => pass.width > 0 && pass.rows > 0);
}

const samplesPerPixel: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [2, 3],
  [3, 1],
  [4, 2],
  [6, 4],
]);

export const samplesOf = ({ colourType }: PngHeader): number => samplesPerPixel.get(colourType)!;

/** Returns the length of a row in bytes, without the byte that names the filter. */
const rowBytesOf = (header: PngHeader, pass: PngPass): number =>
  Math.ceil((pass.width * samplesOf(header) * header.bitDepth) / 8);

/** Returns the length of the image data after inflation, as the header announces it. */
export const announcedBytes = (header: PngHeader): number =>
  passesOf(header).reduce((sum, pass) => sum + pass.rows * (1 + rowBytesOf(header, pass)), 0);

/** Receives the samples of a row, in number the width of the pass times the samples per pixel. */
export type TakeRow = (samples: Uint16Array, pass: PngPass, row: number) => void;

/** Cuts inflated image data into rows, undoes their filters and unpacks their samples. */
export class PngRows {
  readonly #passes: readonly PngPass[];
  #pass = 0;
  #row = 0;
  #filled = 0;
  /** The current row; its first byte names its filter. */
  #current = new Uint8Array(0);
  #previous = new Uint8Array(0);
  #samples = new Uint16Array(0);

  readonly #path: string;
  readonly #header: PngHeader;
  readonly #take: TakeRow;

  constructor(path: string, header: PngHeader, take: TakeRow) {
    this.#path = path;
    this.#header = header;
    this.#take = take;

    this.#passes = passesOf(header);
    this.#beginPass();
  }

  /** @throws IMAGE_INVALID for more data than the header announces, and for an unknown filter */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#pass === this.#passes.length) {
        throw imageError(
          "IMAGE_INVALID",
          `${this.#path}: its image data holds more than ${this.#header.width} × ${this.#header.height} pixels`,
        );
      }
      const count = Math.min(bytes.length - at, this.#current.length - this.#filled);
      this.#current.set(bytes.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled === this.#current.length) this.#endRow();
    }
  }

  /** @throws IMAGE_TRUNCATED if rows are missing */
  finish(): void {
    if (this.#pass === this.#passes.length) return;
    const { rows } = this.#passes[this.#pass]!;
    throw imageError(
      "IMAGE_TRUNCATED",
      `${this.#path}: its image data ends after ${this.#row} of ${rows} rows`,
    );
  }

  #beginPass(): void {
    const pass = this.#passes[this.#pass];
    if (pass === undefined) return;
    const length = 1 + rowBytesOf(this.#header, pass);
    this.#current = new Uint8Array(length);
    this.#previous = new Uint8Array(length);
    this.#samples = new Uint16Array(pass.width * samplesOf(this.#header));
    this.#row = 0;
  }

  #endRow(): void {
    const pass = this.#passes[this.#pass]!;
    const filter = this.#current[0]!;
    if (filter > 4)
      throw imageError(
        "IMAGE_INVALID",
        `${this.#path}: a row has filter ${filter}, but PNG defines only 0 to 4`,
      );
    const pixelBytes = Math.max(1, (samplesOf(this.#header) * this.#header.bitDepth) / 8);
    undoFilter(filter, this.#current, this.#previous, pixelBytes);
    unpackSamples(this.#current, this.#samples, this.#header.bitDepth);
    this.#take(this.#samples, pass, this.#row);
    [this.#current, this.#previous] = [this.#previous, this.#current];
    this.#filled = 0;
    if (++this.#row < pass.rows) return;
    this.#pass++;
    this.#beginPass();
  }
}

/** Undoes the filter of a row, in place. Both rows begin with the byte that names their filter. */
function undoFilter(filter: number, row: Uint8Array, above: Uint8Array, pixelBytes: number): void {
  if (filter === 1) for (let i = 1 + pixelBytes; i < row.length; i++) row[i]! += row[i - pixelBytes]!;
  else if (filter === 2) for (let i = 1; i < row.length; i++) row[i]! += above[i]!;
  else if (filter === 3) {
    for (let i = 1; i < row.length; i++) {
      const left = i > pixelBytes ? row[i - pixelBytes]! : 0;
      row[i]! += (left + above[i]!) >> 1;
    }
  } else if (filter === 4) {
    for (let i = 1; i < row.length; i++) {
      const hasLeft = i > pixelBytes;
      const left = hasLeft ? row[i - pixelBytes]! : 0;
      row[i]! += paeth(left, above[i]!, hasLeft ? above[i - pixelBytes]! : 0);
    }
  }
}

/** Returns the neighbour that is closest to `left + up - upLeft`. */
function paeth(left: number, up: number, upLeft: number): number {
  const toLeft = Math.abs(up - upLeft);
  const toUp = Math.abs(left - upLeft);
  const toUpLeft = Math.abs(left + up - 2 * upLeft);
  if (toLeft <= toUp && toLeft <= toUpLeft) return left;
  return toUp <= toUpLeft ? up : upLeft;
}

function unpackSamples(row: Uint8Array, samples: Uint16Array, bitDepth: number): void {
  if (bitDepth === 16) {
    for (let i = 0; i < samples.length; i++) samples[i] = (row[1 + 2 * i]! << 8) | row[2 + 2 * i]!;
  } else if (bitDepth === 8) {
    for (let i = 0; i < samples.length; i++) samples[i] = row[1 + i]!;
  } else {
    const mask = (1 << bitDepth) - 1;
    for (let i = 0; i < samples.length; i++) {
      const bit = i * bitDepth;
      samples[i] = (row[1 + (bit >> 3)]! >> (8 - bitDepth - (bit & 7))) & mask;
    }
  }
}
