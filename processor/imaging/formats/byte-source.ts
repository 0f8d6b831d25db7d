import { constants } from "node:buffer";
import { open } from "node:fs/promises";
import { isMainThread } from "node:worker_threads";
import { imageError } from "../errors.js";
import { type ByteSource, type ByteStream, chunkBytes, openStream, streamOf } from "./byte-stream.js";
import { type GunzipMemory, gunzipWhole, newGunzipMemory } from "./gunzip-whole.js";
import { gzipLengthBeforeOtherBytes } from "./gzip-end.js";
import { statInputFile } from "./input-file.js";

/** Deflate cannot compress better than 1032 : 1. A header that announces more is wrong or hostile. */
const largestRatio = 1032;

/** A file that is cut off must have at least a thousandth of the announced bytes, so that a wrong header cannot fill the memory. */
const largestFill = 1000;

/** The largest file that is inflated at once: a CT of 512 × 512 × 511 voxels. */
const largestWhole = 1 << 28;

/** What the last reader of blocks in this worker thread has used; null while one reads. */
let spareMemory: GunzipMemory | null = null;

/** Returns whether numbers of any type can be looked at in place there. */
const isAligned = ({ byteOffset }: Buffer, offset: number): boolean => (byteOffset + offset) % 8 === 0;

/** Returns whether a file has these bytes at `start`; false for a file that cannot be opened. */
async function beginsWith(path: string, magic: readonly number[], start: number): Promise<boolean> {
  await statInputFile(path);
  const file = await open(path).catch(() => null);
  if (file === null) return false;
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(magic.length), position: start });
    return bytesRead === magic.length && magic.every((byte, i) => buffer[i] === byte);
  } finally {
    await file.close();
  }
}

const gzipMagic = [0x1f, 0x8b];

/**
 * Returns whether gzip data begin at `start`.
 *
 * @throws INPUT_NOT_FOUND for anything but a regular file
 */
export const isGzip = (path: string, start = 0): Promise<boolean> => beginsWith(path, gzipMagic, start);

/** Reads a header of unknown length and then exactly the data that it announces. */
export class ByteReader {
  #pending: Buffer = Buffer.alloc(0);
  /** The number of bytes that the stream has returned so far. */
  #given = 0;
  /** The number of bytes to skip after the stream was opened again, because the reader has returned them already. */
  #repeated = 0;
  #endsEarly = false;

  /** The largest number of bytes that the source can give. */
  readonly limit: number;
  readonly #source: ByteSource;
  #stream: ByteStream;

  private constructor(source: ByteSource, stream: ByteStream, limit: number) {
    this.limit = limit;
    this.#source = source;
    this.#stream = stream;
  }

  static async open(source: ByteSource): Promise<ByteReader> {
    const stream = await openStream(source);
    const size = Math.max(0, (await stream.file.stat()).size - (source.start ?? 0));
    const limit = source.compression === "none" ? size : size * largestRatio + chunkBytes;
    return new ByteReader(source, stream, limit);
  }

  /** Returns the first bytes without consuming them; fewer if the source is shorter. */
  async peek(count: number): Promise<Buffer> {
    while (this.#pending.length < count) {
      const chunk = await this.#next();
      if (chunk === null) break;
      this.#pending = Buffer.concat([this.#pending, chunk]);
    }
    return this.#pending.subarray(0, count);
  }

  /**
   * Skips `offset` bytes from the start and reads the next `length` bytes. The buffer is allocated only if the source
   * can hold that many.
   */
  async readData(offset: number, length: number): Promise<Buffer> {
    this.#checkAnnounced(offset, length);
    if (length > constants.MAX_LENGTH) {
      throw imageError(
        "IMAGE_UNSUPPORTED",
        `${this.#source.path}: ${length} bytes of voxels; Node.js can hold at most ${constants.MAX_LENGTH} in one buffer`,
      );
    }
    const whole = await this.#gunzipWhole(newGunzipMemory(), offset + length);
    if (whole !== null && isAligned(whole, offset) && offset + length <= whole.length) {
      this.#pending = whole.subarray(offset + length);
      return whole.subarray(offset, offset + length);
    }
    const data = Buffer.allocUnsafeSlow(length);
    let position = 0;
    for await (const part of this.#partsOf(offset, length)) position += part.copy(data, position);
    return data;
  }

  /**
   * Skips `offset` bytes from the start and gives the next `length` bytes in blocks of `blockBytes`, of which the last may be
   * shorter. A block may overwrite the one before it, so that a large file needs no memory for the whole.
   */
  readBlocks(offset: number, length: number, blockBytes: number): AsyncGenerator<Buffer> {
    this.#checkAnnounced(offset, length);
    return this.#blocksOf(offset, length, blockBytes);
  }

  async *#blocksOf(offset: number, length: number, blockBytes: number): AsyncGenerator<Buffer> {
    const memory = spareMemory ?? newGunzipMemory();
    spareMemory = null;
    try {
      await this.#gunzipWhole(memory, offset + length);
      yield* this.#copiedBlocks(offset, length, blockBytes);
    } finally {
      // The program's own thread lives longer than its work.
      if (!isMainThread) spareMemory = memory;
    }
  }

  async *#copiedBlocks(offset: number, length: number, blockBytes: number): AsyncGenerator<Buffer> {
    const block = Buffer.allocUnsafeSlow(Math.min(blockBytes, length));
    let filled = 0;
    for await (const part of this.#partsOf(offset, length)) {
      for (let from = 0; from < part.length; ) {
        const end = from + block.length;
        if (filled === 0 && end <= part.length && isAligned(part, from)) {
          yield part.subarray(from, end);
          from = end;
          continue;
        }
        const copied = part.copy(block, filled, from);
        from += copied;
        filled += copied;
        if (filled < block.length) continue;
        yield block;
        filled = 0;
      }
    }
    if (filled > 0) yield block.subarray(0, filled);
  }

  /**
   * Inflates the source at once, if that is possible, and returns all its bytes, which are then pending in place of the stream's.
   *
   * @param wanted the number of bytes that the header announces; a file of far more is left to the stream
   */
  async #gunzipWhole(memory: GunzipMemory, wanted: number): Promise<Buffer | null> {
    const { compression, start = 0 } = this.#source;
    if (compression !== "gzip" || this.#given > this.#pending.length) return null;
    const { file, stop, close } = this.#stream;
    const most = { packed: largestWhole, inflated: Math.min(largestWhole, wanted + chunkBytes) };
    const whole = await gunzipWhole({ file, start }, most, memory);
    if (whole === null) return null;
    stop();
    this.#pending = whole;
    this.#given = whole.length;
    this.#stream = { chunks: nothing(), file, stop: () => {}, close };
    return whole;
  }

  #checkAnnounced(offset: number, length: number): void {
    if (!Number.isSafeInteger(offset) || offset < 0) {
      throw imageError(
        "IMAGE_INVALID",
        `${this.#source.path}: the header puts the voxels at byte ${offset}, which must be a whole number from 0`,
      );
    }
    const { fillsMissing = false } = this.#source;
    if (offset + length > this.limit * (fillsMissing ? largestFill : 1)) {
      throw imageError(
        "IMAGE_TRUNCATED",
        `${this.#source.path}: the header announces ${length} bytes of voxels, but the file cannot hold more than ${Math.max(0, this.limit - offset)}`,
      );
    }
  }

  /** Gives `length` bytes after `offset` as they arrive, with 0 in place of missing ones if the source fills them. */
  async *#partsOf(offset: number, length: number): AsyncGenerator<Buffer> {
    let position = -offset;
    let chunk: Buffer | null = this.#pending;
    this.#pending = Buffer.alloc(0);
    while (chunk !== null && position < length) {
      const from = Math.max(0, -position);
      if (from < chunk.length) yield chunk.subarray(from, Math.min(chunk.length, length - position));
      position += chunk.length;
      if (position < length) chunk = await this.#next();
    }
    if (position >= length) return;
    if (this.#source.fillsMissing !== true)
      throw imageError(
        "IMAGE_TRUNCATED",
        `${this.#source.path}: ends after ${Math.max(0, position)} of ${length} bytes of voxels`,
      );
    const zeros = Buffer.alloc(Math.min(chunkBytes, length));
    for (let missing = length - Math.max(0, position); missing > 0; missing -= zeros.length)
      yield zeros.subarray(0, Math.min(zeros.length, missing));
  }

  /** Yields the remaining bytes, chunk by chunk. */
  async *rest(): AsyncGenerator<Buffer> {
    let chunk: Buffer | null = this.#pending;
    this.#pending = Buffer.alloc(0);
    for (; chunk !== null; chunk = await this.#next()) yield chunk;
  }

  /** Reads to the end, because zlib compares the checksum only there. */
  async finish(): Promise<void> {
    if (this.#source.compression !== "none") while ((await this.#next()) !== null);
    this.#stream.close();
  }

  destroy(): void {
    this.#stream.close();
  }

  async #next(): Promise<Buffer | null> {
    try {
      while (true) {
        const { value, done } = await this.#stream.chunks.next();
        if (done === true) return null;
        const chunk = (value as Buffer).subarray(this.#repeated);
        this.#repeated -= value.length - chunk.length;
        this.#given += chunk.length;
        if (chunk.length > 0) return chunk;
      }
    } catch (cause) {
      if (this.#source.compression === "none") throw cause;
      if (await this.#reopenWithoutOtherBytes()) return this.#next();
      throw imageError(
        "IMAGE_TRUNCATED",
        `${this.#source.path}: the compressed data is damaged or cut off: ${(cause as Error).message}`,
        {
          cause,
        },
      );
    }
  }

  /** Begins the stream again without the bytes after the last gzip member. Returns false if there are none. */
  async #reopenWithoutOtherBytes(): Promise<boolean> {
    const source = this.#source;
    const given = this.#given;
    if (this.#endsEarly) return false;
    const { file, stop } = this.#stream;
    const length = await gzipLengthBeforeOtherBytes(file, source.start ?? 0);
    if (length === null) return false;
    this.#endsEarly = true;
    this.#repeated = given;
    stop();
    this.#stream = streamOf(file, source, length);
    return true;
  }
}

/** A stream without chunks. */
async function* nothing(): AsyncGenerator<Buffer> {}
