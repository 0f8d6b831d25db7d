import { openRegularFile, unreadable } from "../../../../processor/files/read-text-file.js";
import { nnunetError } from "../../../ground/errors/nnunet-errors.js";
import { type ChunkedShape, chunkCounts, eachRun, numbersPerChunk, product } from "./block-grid.js";
import { bytesPerNumber, type NumberType } from "./frame-header.js";
import { chunkSize, decodeChunk, type Invalid } from "./read-chunk.js";
import { chunkHeaderBytes } from "./write-chunk.js";

/** An array of a `.b2nd` file in C order. */
export interface B2ndArray {
  readonly shape: readonly number[];
  readonly values: Float32Array | Int16Array | Int8Array;
}

/** A case of 4 channels and 1200 × 600 × 600 voxels has 7 GB; more would not fit a machine. */
const maxBytes = 2 ** 34;

/** Chunks of nnU-Net have at most 6 MiB; Blosc compresses a chunk of equal values to about a thousandth. */
const maxChunkBytes = 2 ** 28;

/** A chunk of 6 MiB has at least a header of 32 bytes in the file. */
const maxRatio = 200_000;
const maxHeaderBytes = 65_536;
const mostAxes = 8;

/**
 * Reads an array that nnU-Net's preprocessing has stored: float32, int16 or int8.
 *
 * @throws NOT_PREPROCESSED if the file is missing, damaged, or of another type
 */
export async function readB2nd(file: string): Promise<B2ndArray> {
  const invalid: Invalid = (what) => nnunetError("NOT_PREPROCESSED", `${file}: ${what}`);
  const handle = await openRegularFile(file).catch((cause: unknown) => {
    throw invalid(unreadable(cause));
  });
  try {
    const { size } = await handle.stat();
    const read = async (at: number, length: number): Promise<Uint8Array> => {
      if (at < 0 || length < 0 || at + length > size) throw invalid("it ends early");
      const bytes = new Uint8Array(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(bytes, filled, length - filled, at + filled);
        if (bytesRead === 0) throw invalid("it ends early");
        filled += bytesRead;
      }
      return bytes;
    };
    const readChunk = async (at: number): Promise<Uint8Array> => {
      const bytes = chunkSize(await read(at, chunkHeaderBytes));
      if (bytes === null || bytes > maxChunkBytes) throw invalid("one of its chunks has an invalid header");
      return read(at, bytes);
    };
    const { headerBytes, chunksBytes, shape, type } = parseHeader(
      await read(0, Math.min(size, maxHeaderBytes)),
      invalid,
    );
    const values = emptyArray({ shape, type }, Math.min(maxBytes, size * maxRatio), invalid);
    const count = product(chunkCounts(shape));
    const list = new Uint8Array(count * 8);
    if (list.length > 0) decodeChunk(await readChunk(headerBytes + chunksBytes), list, invalid);
    const content = emptyContent(numbersPerChunk(shape), type);
    const bytes = new Uint8Array(content.buffer);
    const offsets = new DataView(list.buffer);
    for (let i = 0; i < count; i++) {
      const isSpecial = (list[8 * i + 7]! & 0x80) !== 0;
      if (isSpecial) fillSpecial(content, list[8 * i + 7]! & 7, invalid);
      else
        decodeChunk(await readChunk(headerBytes + Number(offsets.getBigInt64(8 * i, true))), bytes, invalid);
      eachRun(shape, i, (inArray, inChunk, length) => {
        values.set(content.subarray(inChunk, inChunk + length), inArray);
      });
    }
    return { shape: shape.shape, values };
  } finally {
    await handle.close();
  }
}

type Values = Float32Array | Int16Array | Int8Array;

const emptyContent = (count: number, type: NumberType): Values =>
  type === "<f4" ? new Float32Array(count) : type === "<i2" ? new Int16Array(count) : new Int8Array(count);

function emptyArray({ shape, type }: StoredShape, mostBytes: number, invalid: Invalid): Values {
  const bytes = product(shape.shape) * bytesPerNumber[type];
  const chunkBytes = numbersPerChunk(shape) * bytesPerNumber[type];
  const sizes = `an array of ${shape.shape.join(" × ")} in chunks of ${shape.chunk.join(" × ")}`;
  // Padding makes a chunk larger than a small array, but not by much.
  if (bytes > mostBytes || chunkBytes > maxChunkBytes || chunkBytes > 64 * Math.max(bytes, 2 ** 16))
    throw invalid(`${sizes} is too large for its file`);
  try {
    return emptyContent(product(shape.shape), type);
  } catch {
    throw invalid(`${sizes} does not fit into the memory`);
  }
}

function fillSpecial(content: Values, kind: number, invalid: Invalid): void {
  if (kind !== 1 && kind !== 2 && kind !== 4) throw invalid("one of its chunks has an unknown special value");
  content.fill(kind === 2 ? Number.NaN : 0);
}

interface StoredShape {
  readonly shape: ChunkedShape;
  readonly type: NumberType;
}

interface Header extends StoredShape {
  readonly headerBytes: number;
  readonly chunksBytes: number;
}

/** Where the header has its fields, in bytes. */
const fields = { headerBytes: 0x0b, frameType: 0x1a, chunksBytes: 0x27, metalayers: 0x57 } as const;

function parseHeader(bytes: Uint8Array, invalid: Invalid): Header {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (buffer.length < fields.metalayers || buffer.toString("latin1", 2, 9) !== "b2frame")
    throw invalid("it is not a frame of Blosc 2");
  if ((buffer[fields.frameType]! & 15) !== 0) throw invalid("its frame is spread over several files");
  const headerBytes = buffer.readInt32BE(fields.headerBytes);
  const chunksBytes = Number(buffer.readBigInt64BE(fields.chunksBytes));
  if (headerBytes < fields.metalayers || headerBytes > buffer.length) throw invalid("its header is cut off");
  const name = buffer.indexOf("\u00a4b2nd", fields.metalayers, "latin1");
  if (name < 0 || name + 10 > headerBytes) throw invalid("it has no n-dimensional array");
  const content = buffer.readInt32BE(name + 6);
  if (content < 0 || content + 5 > headerBytes) throw invalid("its header is damaged");
  return { headerBytes, chunksBytes, ...parseArray(buffer.subarray(content + 5, headerBytes), invalid) };
}

/** Parses the metalayer: a version, the number of axes, three lists of sizes, and numpy's name of the type. */
function parseArray(buffer: Buffer, invalid: Invalid): StoredShape {
  const axes = buffer[2] ?? 0;
  if (axes < 1 || axes > mostAxes || buffer.length < 6 + axes * 19 + 6)
    throw invalid(`its array has ${axes} axes, or its header is cut off`);
  const sizes = Array.from({ length: axes }, (_, i) => Number(buffer.readBigInt64BE(4 + 9 * i + 1)));
  const list = (start: number) =>
    Array.from({ length: axes }, (_, i) => buffer.readInt32BE(start + 1 + 5 * i + 1));
  const chunk = list(4 + 9 * axes);
  const block = list(5 + 14 * axes);
  const end = 6 + 19 * axes;
  const type = buffer.toString("latin1", end + 6, end + 6 + Math.min(16, buffer.readUInt32BE(end + 2)));
  if (
    [...sizes, ...chunk, ...block].some((size) => !Number.isSafeInteger(size) || size < 1 || size > 2 ** 31)
  )
    throw invalid("its sizes are damaged");
  if (chunk.some((size, axis) => size > sizes[axis]!) || block.some((size, axis) => size > chunk[axis]!))
    throw invalid("its chunks or blocks are larger than the array");
  if (!isNumberType(type)) throw invalid(`its numbers are of the type ${type}, not float32, int16 or int8`);
  return { shape: { shape: sizes, chunk, block }, type };
}

const isNumberType = (type: string): type is NumberType => Object.hasOwn(bytesPerNumber, type);
