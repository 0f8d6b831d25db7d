import { type ChunkedShape, chunkCounts, numbersPerChunk, product } from "./block-grid.js";
import { codecLz4 } from "./write-chunk.js";

/** numpy's names of the numbers that nnU-Net stores. */
export type NumberType = "<f4" | "<i2" | "|i1";

export const bytesPerNumber: Readonly<Record<NumberType, number>> = { "<f4": 4, "<i2": 2, "|i1": 1 };

export interface Frame {
  readonly shape: ChunkedShape;
  readonly type: NumberType;
  readonly isShuffled: boolean;
  /** The compressed chunks together. */
  readonly chunksBytes: number;
  readonly frameBytes: number;
}

/** Returns the header of a contiguous frame, with the `b2nd` metalayer. Its length depends on the number of axes only. */
export function frameHeader({ shape, type, isShuffled, chunksBytes, frameBytes }: Frame): Uint8Array {
  const width = bytesPerNumber[type];
  const axes = metalayer(shape, type);
  const parts = new MessagePack();
  parts.bytes(0x9e, 0xa8).text("b2frame\0");
  parts.bytes(0xd2).int32(headerBytes(axes.length)).bytes(0xcf).int64(frameBytes);
  // The format's version 2 with offsets of 64 bits; one file; the codec with level 5; blocks are not split.
  parts.bytes(0xa4, 0x12, 0x00, 0x50 | codecLz4, 0x01);
  const chunkBytes = numbersPerChunk(shape) * width;
  parts.bytes(0xd3).int64(product(chunkCounts(shape)) * chunkBytes);
  parts.bytes(0xd3).int64(chunksBytes);
  parts.bytes(0xd2).int32(width);
  parts.bytes(0xd2).int32(product(shape.block) * width);
  parts.bytes(0xd2).int32(chunkBytes);
  // One thread each to compress and decompress; no metalayers of variable length.
  parts.bytes(0xd1, 0, 1, 0xd1, 0, 1, 0xc2);
  parts.bytes(0xd8, 6, isShuffled ? 1 : 0, 0, 0, 0, 0, 0, codecLz4, ...new Array<number>(9).fill(0));
  parts.bytes(0x93, 0xcd, 0, 17, 0xde, 0, 1, 0xa4).text("b2nd");
  parts.bytes(0xd2).int32(headerBytes(0) - 5);
  parts
    .bytes(0xdc, 0, 1, 0xc6)
    .int32(axes.length)
    .bytes(...axes);
  return parts.done();
}

const headerBytes = (metalayerBytes: number): number => 0x57 + 17 + 3 + 5 + metalayerBytes;

function metalayer({ shape, chunk, block }: ChunkedShape, type: NumberType): Uint8Array {
  const parts = new MessagePack();
  parts.bytes(0x97, 0, shape.length, 0x90 | shape.length);
  for (const size of shape) parts.bytes(0xd3).int64(size);
  for (const sizes of [chunk, block]) {
    parts.bytes(0x90 | sizes.length);
    for (const size of sizes) parts.bytes(0xd2).int32(size);
  }
  // The type in numpy's notation.
  parts.bytes(0, 0xdb).int32(type.length).text(type);
  return parts.done();
}

/** The end of a frame without metalayers of variable length and without a fingerprint. */
export function frameTrailer(): Uint8Array {
  const parts = new MessagePack();
  parts.bytes(0x94, 1, 0x93, 0xcd, 0, 6, 0xde, 0, 0, 0xdc, 0, 0, 0xce).int32(35);
  return parts.bytes(0xd8, ...new Array<number>(17).fill(0)).done();
}

/** Collects bytes; numbers are big-endian, as MessagePack has them. */
class MessagePack {
  readonly #bytes: number[] = [];

  bytes(...values: readonly number[]): this {
    this.#bytes.push(...values);
    return this;
  }

  text(text: string): this {
    return this.bytes(...Buffer.from(text, "latin1"));
  }

  int32(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return this.bytes(...bytes);
  }

  int64(value: number): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(BigInt(value));
    return this.bytes(...bytes);
  }

  done(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}
