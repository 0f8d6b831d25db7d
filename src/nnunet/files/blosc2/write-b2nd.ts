import { open, rename, rm } from "node:fs/promises";
import { partialPathNextTo } from "../../../../processor/files/partial-path.js";
import { outputError } from "../../../../processor/files/write-file.js";
import { type ChunkedShape, chunkCounts, eachRun, numbersPerChunk, product } from "./block-grid.js";
import { chooseChunks } from "./choose-chunks.js";
import { bytesPerNumber, type Frame, frameHeader, frameTrailer, type NumberType } from "./frame-header.js";
import { encodeChunk, storedChunk } from "./write-chunk.js";

/** An array to store, in C order. */
export interface StoredArray {
  readonly shape: readonly number[];
  readonly values: Float32Array | Int16Array;
}

/**
 * Writes an array as nnU-Net's `.b2nd` files have it: a contiguous frame of Blosc 2 with the metalayer of n-dimensional
 * arrays, compressed with LZ4. The file is either complete or absent.
 *
 * @param patch the size of training's patches, after which the chunks are chosen
 * @throws DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeB2nd(path: string, array: StoredArray, patch: readonly number[]): Promise<void> {
  const type: NumberType = array.values instanceof Float32Array ? "<f4" : "<i2";
  const shape = chooseChunks(array.shape, patch, bytesPerNumber[type]);
  // Intensities are smaller shuffled, labels are not.
  const isShuffled = type === "<f4";
  const rule = { ...chunkRule(shape, type), isShuffled };
  const frame = { shape, type, isShuffled };
  const headerBytes = frameHeader({ ...frame, chunksBytes: 0, frameBytes: 0 }).length;
  const offsets: bigint[] = [];
  const partial = await partialPathNextTo(path);
  try {
    const file = await open(partial, "wx");
    try {
      let at = headerBytes;
      const put = async (bytes: Uint8Array) => {
        await file.write(bytes, 0, bytes.length, at);
        at += bytes.length;
      };
      for (let index = 0; index < product(chunkCounts(shape)); index++) {
        offsets.push(BigInt(at - headerBytes));
        await put(encodeChunk(chunkContent(array, shape, index), rule));
      }
      const chunksBytes = at - headerBytes;
      const list = new Uint8Array(BigInt64Array.from(offsets).buffer);
      await put(storedChunk(list, { bytesPerNumber: 8, blockBytes: list.length }));
      await put(frameTrailer());
      const whole: Frame = { ...frame, chunksBytes, frameBytes: at };
      await file.write(frameHeader(whole), 0, headerBytes, 0);
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw outputError(path, error);
  }
}

const chunkRule = ({ block }: ChunkedShape, type: NumberType) => ({
  bytesPerNumber: bytesPerNumber[type],
  blockBytes: product(block) * bytesPerNumber[type],
});

/** Returns the bytes of a chunk, block by block, with zeros where it goes beyond the array. */
function chunkContent({ values }: StoredArray, shape: ChunkedShape, index: number): Uint8Array {
  const content =
    values instanceof Float32Array
      ? new Float32Array(numbersPerChunk(shape))
      : new Int16Array(numbersPerChunk(shape));
  eachRun(shape, index, (inArray, inChunk, length) => {
    // A view of each row would take longer than its few numbers.
    for (let i = 0; i < length; i++) content[inChunk + i] = values[inArray + i]!;
  });
  return new Uint8Array(content.buffer);
}
