import { promisify } from "node:util";
import { inflate } from "node:zlib";
import type { ProcessorError } from "../../../contract/errors.js";
import { imageError } from "../../errors.js";
import { bytesOf } from "../element-type.js";
import { expandLzw } from "./expand-lzw.js";
import type { TiffPage } from "./tiff-pages.js";

const inflateAsync = promisify(inflate);

/** One strip or tile to decode. */
export interface BlockTask {
  readonly path: string;
  readonly page: TiffPage;
  readonly bytes: Buffer;
  /** The last strip of an image may have fewer rows than the others. */
  readonly rows: number;
}

/**
 * Returns the samples of a strip or tile as `rows × width × samples` in the byte order of this machine. Each 1-bit
 * sample becomes a byte.
 *
 * @throws IMAGE_TRUNCATED, IMAGE_INVALID, IMAGE_UNSUPPORTED
 */
export async function decodeBlock(task: BlockTask): Promise<Uint8Array> {
  const { path, page, rows } = task;
  const expected = rows * blockRowBytes(page);
  const bytes = await expanderOf(path, page)(task, expected);
  if (bytes.length < expected) {
    throw imageError(
      "IMAGE_TRUNCATED",
      `${path}: a strip or tile of ${rows} rows holds ${bytes.length} of ${expected} bytes`,
    );
  }
  return undoPredictor(unpack(bytes.subarray(0, expected), page), task);
}

/**
 * Checks that the compression is known. Call it before checking lengths, which mean nothing for an unknown compression.
 *
 * @throws IMAGE_UNSUPPORTED
 */
export function requireKnownCompression(path: string, page: TiffPage): void {
  expanderOf(path, page);
}

function expanderOf(path: string, { compression }: TiffPage): Expand {
  const expand = expanders[compression];
  if (expand !== undefined) return expand;
  const name = unreadCompressions.get(compression);
  throw unsupported(path, `compression ${compression}${name === undefined ? "" : ` (${name})`}`);
}

const unreadCompressions: ReadonlyMap<number, string> = new Map([
  ...[2, 3, 4].map((code) => [code, "CCITT"] as const),
  ...[6, 7].map((code) => [code, "JPEG"] as const),
  [34712, "JPEG 2000"],
  [34925, "LZMA"],
  [50000, "Zstandard"],
  [50001, "WebP"],
]);

/** Returns the length of one row of a block in bytes, after expansion. */
export function blockRowBytes(page: TiffPage): number {
  const samples = page.blockWidth * (page.isPlanar ? 1 : page.samplesPerPixel);
  return page.elementType === "bit" ? Math.ceil(samples / 8) : samples * bytesOf(page.elementType);
}

/**
 * Returns the most bytes that one stored byte can stand for: 1032 in deflate, 64 in PackBits, and in LZW 4096 for a
 * code of 12 bits.
 */
export const largestExpansion = (compression: number): number => largestExpansions[compression] ?? 1;

const largestExpansions: Readonly<Record<number, number>> = { 5: 2731, 8: 1032, 32946: 1032, 32773: 64 };

type Expand = (task: BlockTask, expected: number) => Promise<Uint8Array> | Uint8Array;

const expanders: Readonly<Record<number, Expand>> = {
  1: ({ bytes }) => Uint8Array.from(bytes),
  5: ({ bytes, path }, expected) => expandLzw(bytes, expected, path),
  8: inflateBlock,
  32946: inflateBlock,
  32773: ({ bytes }, expected) => expandPackBits(bytes, expected),
};

/** Inflates a block. Data that inflate to more than a whole block are refused. */
async function inflateBlock({ bytes, page, path }: BlockTask): Promise<Uint8Array> {
  const maxOutputLength = page.blockHeight * blockRowBytes(page);
  return inflateAsync(bytes, { maxOutputLength }).catch((cause: NodeJS.ErrnoException) => {
    const code = cause.code === "ERR_BUFFER_TOO_LARGE" ? "IMAGE_INVALID" : "IMAGE_TRUNCATED";
    throw imageError(code, `${path}: a compressed strip or tile is damaged: ${cause.message}`, { cause });
  });
}

function expandPackBits(bytes: Uint8Array, expected: number): Uint8Array {
  const output = new Uint8Array(expected);
  let to = 0;
  for (let from = 0; from < bytes.length && to < expected; ) {
    const code = bytes[from++]!;
    if (code < 128) {
      const literal = bytes.subarray(from, from + Math.min(code + 1, expected - to));
      output.set(literal, to);
      from += code + 1;
      to += literal.length;
    } else if (code > 128 && from < bytes.length) {
      const end = Math.min(to + 257 - code, expected);
      output.fill(bytes[from++]!, to, end);
      to = end;
    }
  }
  return output.subarray(0, to);
}

/** Converts samples to this machine's byte order, and each bit to a byte. */
function unpack(bytes: Uint8Array, page: TiffPage): Uint8Array {
  if (page.elementType === "bit") return unpackBits(bytes, page);
  // The floating-point predictor has its own byte order.
  if (page.isBigEndian && page.predictor !== 3) swapBytes(bytes, bytesOf(page.elementType));
  return bytes;
}

function unpackBits(bytes: Uint8Array, page: TiffPage): Uint8Array {
  const rowBytes = blockRowBytes(page);
  const samples = page.blockWidth * (page.isPlanar ? 1 : page.samplesPerPixel);
  const output = new Uint8Array((bytes.length / rowBytes) * samples);
  for (let i = 0; i < output.length; i++) {
    const column = i % samples;
    const row = (i - column) / samples;
    output[i] = (bytes[row * rowBytes + (column >> 3)]! >> (7 - (column & 7))) & 1;
  }
  return output;
}

function swapBytes(bytes: Uint8Array, size: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (size === 2) buffer.swap16();
  if (size === 4) buffer.swap32();
  if (size === 8) buffer.swap64();
}

function undoPredictor(bytes: Uint8Array, { path, page, rows }: BlockTask): Uint8Array {
  const { predictor, elementType, isPlanar, samplesPerPixel } = page;
  if (predictor === 1 || elementType === "bit") return bytes;
  const stride = isPlanar ? 1 : samplesPerPixel;
  const size = bytesOf(elementType);
  const shape = { rows, rowLength: page.blockWidth * stride, stride };
  const isFloat = elementType.startsWith("float");
  if (predictor === 3 && isFloat) return undoFloatPredictor(bytes, size, shape);
  if (predictor !== 2)
    throw unsupported(path, `predictor ${predictor} of ${elementType} samples cannot be read`);
  addNeighbours(new unsignedOf[size as 1 | 2 | 4 | 8](Uint8Array.from(bytes).buffer), shape, bytes);
  return bytes;
}

const unsignedOf = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array } as const;

interface RowShape {
  readonly rows: number;
  /** The number of samples in a row. */
  readonly rowLength: number;
  /** The number of samples from one pixel to the next. */
  readonly stride: number;
}

/** Adds each sample to the sample of the next pixel in its row, with the arithmetic of the sample's width. */
function addNeighbours(
  values: Uint8Array | Uint16Array | Uint32Array | BigUint64Array,
  { rows, rowLength, stride }: RowShape,
  target: Uint8Array,
): void {
  for (let row = 0; row < rows; row++) {
    const start = row * rowLength;
    if (values instanceof BigUint64Array) {
      for (let i = start + stride; i < start + rowLength; i++) values[i]! += values[i - stride]!;
    } else {
      for (let i = start + stride; i < start + rowLength; i++) values[i]! += values[i - stride]!;
    }
  }
  target.set(new Uint8Array(values.buffer));
}

/**
 * Undoes the floating-point predictor, which stores differences of bytes. Each row holds the highest bytes of all its
 * samples first, then the next lower bytes.
 */
function undoFloatPredictor(
  bytes: Uint8Array,
  size: number,
  { rows, rowLength, stride }: RowShape,
): Uint8Array {
  const output = new Uint8Array(bytes.length);
  const rowBytes = rowLength * size;
  for (let row = 0; row < rows; row++) {
    const start = row * rowBytes;
    for (let i = start + stride; i < start + rowBytes; i++) bytes[i]! += bytes[i - stride]!;
    for (let plane = 0; plane < size; plane++) {
      const place = start + size - 1 - plane;
      const from = start + plane * rowLength;
      for (let i = 0; i < rowLength; i++) output[place + i * size] = bytes[from + i]!;
    }
  }
  return output;
}

const unsupported = (path: string, what: string): ProcessorError =>
  imageError("IMAGE_UNSUPPORTED", `${path}: ${what}`);
