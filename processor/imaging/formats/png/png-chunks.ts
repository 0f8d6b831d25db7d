import { crc32 } from "node:zlib";
import type { ProcessorError } from "../../../contract/errors.js";
import { imageError } from "../../errors.js";
import type { FileWindow } from "../file-window.js";

/** The contents of the IHDR chunk. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits per sample. */
  readonly bitDepth: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey with opacity, 6 RGB with opacity. */
  readonly colourType: number;
  readonly isInterlaced: boolean;
}

/** The chunks before the image data. */
export interface PngStart {
  readonly header: PngHeader;
  /** Red, green and blue of each index; empty if the image has no palette. */
  readonly palette: Uint8Array;
  /** The offset of the first IDAT chunk. */
  readonly dataAt: number;
}

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const aheadBytes = 1 << 16;
const pieceBytes = 1 << 20;

/** The bit depths that each colour type allows (PNG specification, table 11.1). */
const bitDepths: ReadonlyMap<number, readonly number[]> = new Map([
  [0, [1, 2, 4, 8, 16]],
  [2, [8, 16]],
  [3, [1, 2, 4, 8]],
  [4, [8, 16]],
  [6, [8, 16]],
]);

/**
 * Reads the chunks before the image data. Each critical chunk is allowed only once and only in its place, so that all
 * readers see the same image in a file.
 *
 * @throws IMAGE_INVALID, IMAGE_TRUNCATED, IMAGE_UNSUPPORTED for a critical chunk that PNG does not define
 */
export async function readPngStart(file: FileWindow): Promise<PngStart> {
  const start = await file.read(0, Math.min(signature.length, file.size), aheadBytes);
  if (file.size < signature.length) throw truncated(file, `${file.size} bytes are too few for a PNG file`);
  if (!start.equals(signature)) throw invalid(file, "it does not begin as a PNG file does");
  let chunk = await readChunk(file, signature.length);
  if (chunk.name !== "IHDR" || chunk.bytes !== 13)
    throw invalid(file, `its first chunk is ${chunk.name} of ${chunk.bytes} bytes, not IHDR of 13`);
  const header = parseHeader(file, await checkedData(file, chunk));
  let palette: Uint8Array | null = null;
  for (;;) {
    chunk = await readChunk(file, chunk.end);
    if (chunk.name === "IDAT") break;
    if (chunk.name === "PLTE" && palette === null) palette = await readPalette(file, chunk);
    else await skipChunk(file, chunk);
  }
  if (header.colourType === 3 && palette === null)
    throw invalid(file, "its colours are indices, but it has no palette");
  return { header, palette: palette ?? new Uint8Array(0), dataAt: chunk.at };
}

/**
 * Yields the compressed image data, piece by piece, and then reads to the end of the file.
 *
 * @throws IMAGE_INVALID, IMAGE_TRUNCATED (also for a file without an IEND chunk)
 */
export async function* readImageData(file: FileWindow, dataAt: number): AsyncGenerator<Buffer> {
  let chunk = await readChunk(file, dataAt);
  for (; chunk.name === "IDAT"; chunk = await readChunk(file, chunk.end)) yield* checkedPieces(file, chunk);
  for (; chunk.name !== "IEND"; chunk = await readChunk(file, chunk.end)) await skipChunk(file, chunk);
  if (chunk.bytes > 0) throw invalid(file, `its chunk IEND has ${chunk.bytes} bytes`);
  await checkedData(file, chunk);
}

interface Chunk {
  readonly name: string;
  readonly at: number;
  readonly bytes: number;
  /** The offset of the end of the chunk, after its checksum. */
  readonly end: number;
}

async function readChunk(file: FileWindow, at: number): Promise<Chunk> {
  const head = await file.read(at, 8, aheadBytes);
  const bytes = head.readUInt32BE(0);
  return { name: head.toString("latin1", 4, 8), at, bytes, end: at + 12 + bytes };
}

/**
 * Skips a chunk. A critical chunk, whose name begins with a capital letter, is refused, because it changes the meaning
 * of the image.
 */
async function skipChunk(file: FileWindow, chunk: Chunk): Promise<void> {
  const { name } = chunk;
  if (["IHDR", "PLTE", "IDAT", "IEND"].includes(name))
    throw invalid(file, `a chunk ${name} is in the wrong place or appears twice`);
  if (!/^[A-Za-z]{4}$/.test(name)) throw invalid(file, `a chunk at byte ${chunk.at} has no name`);
  if (/^[A-Z]/.test(name))
    throw imageError("IMAGE_UNSUPPORTED", `${file.path}: it has an unknown critical chunk ${name}`);
  for await (const _ of checkedPieces(file, chunk));
}

async function* checkedPieces(file: FileWindow, { name, at, bytes, end }: Chunk): AsyncGenerator<Buffer> {
  let sum = crc32(name);
  for (let from = at + 8; from < end - 4; from += pieceBytes) {
    const piece = await file.read(from, Math.min(pieceBytes, end - 4 - from), aheadBytes);
    sum = crc32(piece, sum);
    yield piece;
  }
  const stored = (await file.read(end - 4, 4, aheadBytes)).readUInt32BE();
  if (stored !== sum) throw invalid(file, `the checksum of its chunk ${name} (${bytes} bytes) is wrong`);
}

async function checkedData(file: FileWindow, chunk: Chunk): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of checkedPieces(file, chunk)) pieces.push(piece);
  return Buffer.concat(pieces);
}

function parseHeader(file: FileWindow, data: Buffer): PngHeader {
  const [bitDepth = 0, colourType = 0, compression, filter, interlace = 0] = data.subarray(8);
  const isKnown = bitDepths.get(colourType)?.includes(bitDepth) === true;
  if (!isKnown || compression !== 0 || filter !== 0 || interlace > 1) {
    throw invalid(
      file,
      `colour type ${colourType} of ${bitDepth} bits, compression ${compression}, filter ${filter}, interlace ${interlace} are not a combination that PNG allows`,
    );
  }
  const [width, height] = [data.readUInt32BE(0), data.readUInt32BE(4)];
  return { width, height, bitDepth, colourType, isInterlaced: interlace === 1 };
}

async function readPalette(file: FileWindow, chunk: Chunk): Promise<Uint8Array> {
  if (chunk.bytes % 3 !== 0 || chunk.bytes === 0 || chunk.bytes > 3 * 256)
    throw invalid(file, `its palette has ${chunk.bytes} bytes, not 3 for each of 1 to 256 colours`);
  return checkedData(file, chunk);
}

const invalid = ({ path }: FileWindow, what: string): ProcessorError =>
  imageError("IMAGE_INVALID", `${path}: ${what}`);

const truncated = ({ path }: FileWindow, what: string): ProcessorError =>
  imageError("IMAGE_TRUNCATED", `${path}: ${what}`);
