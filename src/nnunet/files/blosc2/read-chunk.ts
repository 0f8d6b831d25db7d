import { inflateSync } from "node:zlib";
import { decompress } from "fzstd";
import { decompressBlosclz } from "./blosclz-block.js";
import { decompressLz4 } from "./lz4-block.js";
import { unshuffle } from "./shuffle.js";
import { chunkHeaderBytes } from "./write-chunk.js";

/** Says what is wrong with a file. */
export type Invalid = (what: string) => Error;

/** Fills the target, and returns false if the source is damaged. */
type Codec = (source: Uint8Array, target: Uint8Array) => boolean;

/** By Blosc's number. */
const codecs: Readonly<Record<number, Codec>> = {
  0: decompressBlosclz,
  1: decompressLz4,
  3: (source, target) => {
    const bytes = inflateSync(source, { maxOutputLength: target.length });
    target.set(bytes);
    return bytes.length === target.length;
  },
  4: (source, target) => {
    if (zstdContentBytes(source) !== target.length) return false;
    decompress(source, target);
    return true;
  },
};

/** Returns the size that a frame of zstd says it has; null if it does not say. */
function zstdContentBytes(frame: Uint8Array): number | null {
  const flags = frame[4] ?? 0;
  const isWhole = (flags >> 5) & 1;
  const width = flags >> 6 === 0 ? isWhole : 1 << (flags >> 6);
  const start = 6 - isWhole + [0, 1, 2, 4][flags & 3]!;
  if (width === 0 || width > 4 || start + width > frame.length) return null;
  let size = width === 2 ? 256 : 0;
  for (let i = 0; i < width; i++) size += frame[start + i]! * 256 ** i;
  return size;
}

const special = { zeros: 1, notANumber: 2, repeated: 3, uninitialised: 4 } as const;
const filters = { none: 0, shuffle: 1, truncated: 4 } as const;

/** Returns the size of a chunk with its header; null if the header is not one of Blosc 2. */
export function chunkSize(header: Uint8Array): number | null {
  if (header.length < chunkHeaderBytes || (header[2]! & 5) !== 5) return null;
  const size = new DataView(header.buffer, header.byteOffset).getInt32(12, true);
  return size >= chunkHeaderBytes ? size : null;
}

/**
 * Fills the target with the content of a chunk.
 *
 * @throws what `invalid` returns
 */
export function decodeChunk(chunk: Uint8Array, target: Uint8Array, invalid: Invalid): void {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
  const flags = chunk[2]!;
  const bytesPerNumber = chunk[3]!;
  const blockBytes = view.getInt32(8, true);
  const blosc2Flags = chunk[31]!;
  if (view.getInt32(4, true) !== target.length)
    throw invalid(`one of its chunks has ${view.getInt32(4, true)} bytes, not ${target.length}`);
  if (fillSpecial(chunk, target, (blosc2Flags >> 4) & 7, invalid)) return;
  if ((flags & 2) !== 0) {
    if (chunk.length < chunkHeaderBytes + target.length) throw invalid("one of its chunks is cut off");
    target.set(chunk.subarray(chunkHeaderBytes, chunkHeaderBytes + target.length));
    return;
  }
  if ((blosc2Flags & 1) !== 0 || (chunk[30]! & 1) !== 0)
    throw invalid("its chunks have a dictionary or blocks of several sizes, which nnU-Net does not write");
  const codec = codecs[flags >> 5];
  if (codec === undefined) throw invalid(`its codec ${flags >> 5} is not one of Blosc's own`);
  const isShuffled = readFilters(chunk, invalid);
  if (blockBytes < 1 || bytesPerNumber < 1 || blockBytes > target.length)
    throw invalid("one of its chunks has blocks of an impossible size");
  const shuffled = new Uint8Array(isShuffled ? blockBytes : 0);
  for (let i = 0, from = 0; from < target.length; i++, from += blockBytes) {
    const block = target.subarray(from, from + blockBytes);
    const place = chunkHeaderBytes + 4 * i;
    const start = place + 4 <= chunk.length ? view.getInt32(place, true) : -1;
    const content = isShuffled ? shuffled.subarray(0, block.length) : block;
    // The last block, if it is shorter, is never split.
    const isSplit = (flags & 0x10) === 0 && block.length === blockBytes;
    const streams = isSplit ? bytesPerNumber : 1;
    if (start < chunkHeaderBytes || !readStreams(chunk, start, { content, streams, codec }))
      throw invalid("one of its blocks is damaged");
    if (isShuffled) unshuffle(content, block, bytesPerNumber);
  }
}

/** Returns whether the numbers are shuffled. */
function readFilters(chunk: Uint8Array, invalid: Invalid): boolean {
  let isShuffled = false;
  for (const filter of chunk.subarray(16, 22)) {
    if (filter === filters.none || filter === filters.truncated) continue;
    if (filter !== filters.shuffle || isShuffled)
      throw invalid(`its filter ${filter} is not the shuffle, which is the only one that nnU-Net uses`);
    isShuffled = true;
  }
  return isShuffled;
}

/** Fills the target of a chunk without blocks. Returns false for any other chunk. */
function fillSpecial(chunk: Uint8Array, target: Uint8Array, kind: number, invalid: Invalid): boolean {
  if (kind === 0) return false;
  if (kind === special.zeros || kind === special.uninitialised) target.fill(0);
  else if (kind === special.notANumber && chunk[3] === 4) fillWith(target, Uint8Array.of(0, 0, 0xc0, 0x7f));
  else if (kind === special.repeated && chunk.length >= chunkHeaderBytes + chunk[3]! && chunk[3]! > 0)
    fillWith(target, chunk.subarray(chunkHeaderBytes, chunkHeaderBytes + chunk[3]!));
  else throw invalid("one of its chunks has an unknown special value");
  return true;
}

function fillWith(target: Uint8Array, value: Uint8Array): void {
  for (let i = 0; i < target.length; i++) target[i] = value[i % value.length]!;
}

interface Streams {
  readonly content: Uint8Array;
  readonly streams: number;
  readonly codec: Codec;
}

/** Returns false if a stream is damaged. */
function readStreams(chunk: Uint8Array, start: number, { content, streams, codec }: Streams): boolean {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
  const length = content.length / streams;
  if (!Number.isInteger(length)) return false;
  let at = start;
  for (let i = 0; i < streams; i++) {
    if (at + 4 > chunk.length) return false;
    const target = content.subarray(i * length, (i + 1) * length);
    const size = view.getInt32(at, true);
    at += 4;
    if (size <= 0) {
      // A stream of equal bytes: zeros, or the lowest byte of the negative size.
      if (size < 0 && ((chunk[at++] ?? 0) & 1) === 0) return false;
      target.fill(size < 0 ? -size & 255 : 0);
      continue;
    }
    if (at + size > chunk.length) return false;
    const source = chunk.subarray(at, at + size);
    at += size;
    if (size === length) target.set(source);
    else if (!decoded(codec, source, target)) return false;
  }
  return true;
}

function decoded(codec: Codec, source: Uint8Array, target: Uint8Array): boolean {
  try {
    return codec(source, target);
  } catch {
    // zlib and zstd throw errors of their own.
    return false;
  }
}
