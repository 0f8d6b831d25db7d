import { compressLz4 } from "./lz4-block.js";
import { shuffle } from "./shuffle.js";

/** The header of Blosc 2's chunks, in bytes. */
export const chunkHeaderBytes = 32;

/** Bits of the header's flags. */
const flags = { extended: 0x05, stored: 0x02, oneStream: 0x10, lz4: 0x20 } as const;

/** Blosc's number of LZ4, and its number of the shuffle. */
export const codecLz4 = 1;
const filterShuffle = 1;

export interface ChunkRule {
  readonly bytesPerNumber: number;
  readonly blockBytes: number;
  readonly isShuffled: boolean;
}

/** Returns a chunk of Blosc 2: its blocks compressed with LZ4, or all of it stored if that is not smaller. */
export function encodeChunk(content: Uint8Array, rule: ChunkRule): Uint8Array {
  const { blockBytes, bytesPerNumber, isShuffled } = rule;
  const blocks = Math.ceil(content.length / blockBytes);
  const chunk = new Uint8Array(chunkHeaderBytes + content.length);
  const view = new DataView(chunk.buffer);
  const shuffled = new Uint8Array(blockBytes);
  let at = chunkHeaderBytes + 4 * blocks;
  for (let i = 0; i < blocks; i++) {
    const block = content.subarray(i * blockBytes, (i + 1) * blockBytes);
    if (at + 4 > chunk.length) return storedChunk(content, rule);
    view.setInt32(chunkHeaderBytes + 4 * i, at, true);
    if (isRepeated(block)) {
      at += writeRepeated(chunk, at, block[0]!);
      continue;
    }
    if (isShuffled) shuffle(block, shuffled, bytesPerNumber);
    // A stream as long as its block would count as stored.
    const room = Math.min(chunk.length, at + 4 + block.length - 1);
    const size = compressLz4(
      isShuffled ? shuffled.subarray(0, block.length) : block,
      chunk.subarray(at + 4, room),
      isShuffled ? stepInNoise : 1,
    );
    if (size === null) {
      if (at + 4 + block.length > chunk.length) return storedChunk(content, rule);
      chunk.set(isShuffled ? shuffled.subarray(0, block.length) : block, at + 4);
    }
    view.setInt32(at, size ?? block.length, true);
    at += 4 + (size ?? block.length);
  }
  writeHeader(view, {
    ...rule,
    flags: flags.extended | flags.oneStream | flags.lz4,
    bytes: content.length,
    size: at,
  });
  return chunk.slice(0, at);
}

/** Three of four bytes of shuffled intensities are noise; with longer steps, files grow by up to a seventh. */
const stepInNoise = 2;

function isRepeated(bytes: Uint8Array): boolean {
  for (let i = 1; i < bytes.length; i++) if (bytes[i] !== bytes[0]) return false;
  return true;
}

/**
 * Writes a stream of equal bytes: instead of its size 0 for zeros, or else the negative byte, and then a mark. Returns its
 * length.
 */
function writeRepeated(chunk: Uint8Array, at: number, byte: number): number {
  new DataView(chunk.buffer).setInt32(at, -byte, true);
  if (byte === 0) return 4;
  chunk[at + 4] = 1;
  return 5;
}

/** Returns a chunk whose content is not compressed. */
export function storedChunk(content: Uint8Array, rule: Omit<ChunkRule, "isShuffled">): Uint8Array {
  const chunk = new Uint8Array(chunkHeaderBytes + content.length);
  chunk.set(content, chunkHeaderBytes);
  writeHeader(new DataView(chunk.buffer), {
    ...rule,
    isShuffled: false,
    flags: flags.extended | flags.stored,
    bytes: content.length,
    size: chunk.length,
  });
  return chunk;
}

interface Header extends ChunkRule {
  readonly flags: number;
  readonly bytes: number;
  readonly size: number;
}

function writeHeader(view: DataView, header: Header): void {
  // The versions of Blosc's format and of the codec's.
  view.setUint8(0, 5);
  view.setUint8(1, 1);
  view.setUint8(2, header.flags);
  view.setUint8(3, header.bytesPerNumber);
  view.setInt32(4, header.bytes, true);
  view.setInt32(8, header.blockBytes, true);
  view.setInt32(12, header.size, true);
  view.setUint8(16, header.isShuffled ? filterShuffle : 0);
}
