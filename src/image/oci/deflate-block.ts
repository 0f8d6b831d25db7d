import { findMatches, matchFlag } from "./find-matches.js";
import { type HuffmanCode, huffmanCode } from "./huffman-code.js";

const endOfBlock = 256;
const lengthStarts = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
  227, 258,
];
const distanceStarts = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
  6145, 8193, 12289, 16385, 24577,
];
const lengthExtraBits = lengthStarts.map((_, i) => (i < 8 || i === 28 ? 0 : (i - 4) >> 2));
const distanceExtraBits = distanceStarts.map((_, i) => (i < 4 ? 0 : (i - 2) >> 1));
const codeLengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

const lengthSymbols = symbolTable(lengthStarts, 258);
const distanceSymbols = symbolTable(distanceStarts, 32768);

/**
 * Bytes as one deflate block with its own Huffman codes (RFC 1951, block type 10), not the last one, and an empty
 * stored block behind it so that it ends on a whole byte. It refers to nothing before it.
 *
 * This is ours, and not zlib's, because zlib's output depends on its version: Node 20 and 24 differ, and so would
 * the digests of images.
 */
export function deflateBlock(bytes: Uint8Array): Buffer {
  const tokens = new Int32Array(bytes.length);
  const count = findMatches(bytes, tokens);
  const literalCounts = new Uint32Array(286);
  const distanceCounts = new Uint32Array(30);
  literalCounts[endOfBlock] = 1;
  for (let i = 0; i < count; i++) {
    const token = tokens[i]!;
    if (token < matchFlag) literalCounts[token]!++;
    else {
      literalCounts[257 + lengthSymbols[lengthOf(token)]!]!++;
      distanceCounts[distanceSymbols[distanceOf(token)]!]!++;
    }
  }
  const literals = huffmanCode(literalCounts, 15);
  const distances = huffmanCode(distanceCounts, 15);
  const out = new BitWriter(bytes.length * 2 + 1024);
  out.write(0b100, 3);
  writeCodes(out, literals, distances);
  for (let i = 0; i < count; i++) writeToken(out, tokens[i]!, { literals, distances });
  out.write(literals.bits[endOfBlock]!, literals.lengths[endOfBlock]!);
  out.write(0, 3);
  out.align();
  out.write(0, 16);
  out.write(0xffff, 16);
  return out.bytes();
}

const lengthOf = (token: number): number => (token >> 16) & 0x3fff;
const distanceOf = (token: number): number => (token & 0xffff) + 1;

function writeToken(
  out: BitWriter,
  token: number,
  { literals, distances }: { readonly literals: HuffmanCode; readonly distances: HuffmanCode },
): void {
  if (token < matchFlag) {
    out.write(literals.bits[token]!, literals.lengths[token]!);
    return;
  }
  const length = lengthSymbols[lengthOf(token)]!;
  out.write(literals.bits[257 + length]!, literals.lengths[257 + length]!);
  out.write(lengthOf(token) - lengthStarts[length]!, lengthExtraBits[length]!);
  const distance = distanceSymbols[distanceOf(token)]!;
  out.write(distances.bits[distance]!, distances.lengths[distance]!);
  out.write(distanceOf(token) - distanceStarts[distance]!, distanceExtraBits[distance]!);
}

/** The two codes, by the lengths of their bits, in a third code. */
function writeCodes(out: BitWriter, literals: HuffmanCode, distances: HuffmanCode): void {
  const all = [...literals.lengths, ...distances.lengths];
  const runs = runLengths(all);
  const counts = new Uint32Array(19);
  for (const { symbol } of runs) counts[symbol]!++;
  const code = huffmanCode(counts, 7);
  const sent = codeLengthOrder.findLastIndex((symbol) => code.lengths[symbol]! > 0) + 1;
  out.write(literals.lengths.length - 257, 5);
  out.write(distances.lengths.length - 1, 5);
  out.write(sent - 4, 4);
  for (const symbol of codeLengthOrder.slice(0, sent)) out.write(code.lengths[symbol]!, 3);
  for (const { symbol, extra, extraBits } of runs) {
    out.write(code.bits[symbol]!, code.lengths[symbol]!);
    out.write(extra, extraBits);
  }
}

interface Run {
  readonly symbol: number;
  readonly extra: number;
  readonly extraBits: number;
}

/** Repetitions as deflate says them: 16 repeats the last length 3 to 6 times, 17 and 18 are zeros. */
function runLengths(lengths: readonly number[]): readonly Run[] {
  const runs: Run[] = [];
  for (let at = 0; at < lengths.length; ) {
    const length = lengths[at]!;
    let end = at + 1;
    while (end < lengths.length && lengths[end] === length) end++;
    let left = end - at;
    at = end;
    if (length !== 0) {
      runs.push({ symbol: length, extra: 0, extraBits: 0 });
      left -= 1;
    }
    while (left >= 3) {
      const run = longestRun(length, left);
      runs.push(run.code);
      left -= run.covers;
    }
    for (; left > 0; left--) runs.push({ symbol: length, extra: 0, extraBits: 0 });
  }
  return runs;
}

function longestRun(length: number, left: number): { readonly covers: number; readonly code: Run } {
  if (length !== 0) {
    const covers = Math.min(left, 6);
    return { covers, code: { symbol: 16, extra: covers - 3, extraBits: 2 } };
  }
  if (left <= 10) return { covers: left, code: { symbol: 17, extra: left - 3, extraBits: 3 } };
  const covers = Math.min(left, 138);
  return { covers, code: { symbol: 18, extra: covers - 11, extraBits: 7 } };
}

/** For each value the symbol whose range it is in. */
function symbolTable(starts: readonly number[], max: number): Uint8Array {
  const table = new Uint8Array(max + 1);
  for (const [symbol, start] of starts.entries()) table.fill(symbol, start);
  return table;
}

/** Bits from the lowest up, as deflate packs them. */
class BitWriter {
  readonly #buffer: Buffer;
  #length = 0;
  #bits = 0;
  #held = 0;

  constructor(capacity: number) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  /** Up to 16 bits at a time. */
  write(value: number, count: number): void {
    this.#held |= value << this.#bits;
    this.#bits += count;
    while (this.#bits >= 8) {
      this.#buffer[this.#length++] = this.#held & 0xff;
      this.#held >>>= 8;
      this.#bits -= 8;
    }
  }

  align(): void {
    if (this.#bits > 0) this.write(0, 8 - this.#bits);
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}
