/** The shortest match that LZ4 can write. */
const shortestMatch = 4;

/** The last bytes of a block are literals, and no match begins in its last 12 bytes: the format asks for it. */
const lastLiterals = 5;
const lastMatchStart = 12;

const longestDistance = 65_535;
const hashBits = 14;

/** Each time that this many searches for a match have failed, the steps of the search grow by one byte. */
const missesPerStep = 64;

/** Reused, because a block needs it for microseconds only. */
const table = new Int32Array(1 << hashBits);

/**
 * Compresses a block in LZ4's block format.
 *
 * @param firstStep the search goes on this many bytes after its first miss: longer steps are quicker and find fewer matches
 * @returns the number of bytes; null if they do not fit into the target
 */
export function compressLz4(source: Uint8Array, target: Uint8Array, firstStep: number): number | null {
  table.fill(-1);
  const words = new DataView(source.buffer, source.byteOffset, source.length);
  const writer = { target, at: 0 };
  const matchLimit = source.length - lastLiterals;
  const startLimit = source.length - lastMatchStart;
  let literalStart = 0;
  let misses = firstStep * missesPerStep;
  for (let at = 0; at < startLimit; ) {
    const word = words.getInt32(at, true);
    const slot = hashOf(word);
    let from = table[slot]!;
    table[slot] = at;
    if (from < 0 || at - from > longestDistance || words.getInt32(from, true) !== word) {
      // Steps grow where nothing matches, so that noise costs little time.
      at += Math.floor(misses++ / missesPerStep);
      continue;
    }
    misses = firstStep * missesPerStep;
    while (at > literalStart && from > 0 && source[at - 1] === source[from - 1]) {
      at--;
      from--;
    }
    let end = at + shortestMatch;
    for (let other = from + shortestMatch; end < matchLimit && source[end] === source[other]; other++) end++;
    const found = { from: literalStart, to: at, distance: at - from, length: end - at };
    if (!writeSequence(writer, source, found)) return null;
    if (end - 2 < startLimit) table[hashOf(words.getInt32(end - 2, true))] = end - 2;
    at = end;
    literalStart = end;
  }
  const rest = { from: literalStart, to: source.length, distance: 0, length: 0 };
  return writeSequence(writer, source, rest) ? writer.at : null;
}

const hashOf = (word: number): number => Math.imul(word, 0x9e3779b1) >>> (32 - hashBits);

interface Writer {
  readonly target: Uint8Array;
  at: number;
}

interface Sequence {
  /** The literals in the source. */
  readonly from: number;
  readonly to: number;
  /** 0 for the last sequence, which has no match. */
  readonly distance: number;
  readonly length: number;
}

/** @returns false if the target is too short */
function writeSequence(
  writer: Writer,
  source: Uint8Array,
  { from, to, distance, length }: Sequence,
): boolean {
  const { target } = writer;
  const literals = to - from;
  if (writer.at + 8 + literals + literals / 255 + length / 255 > target.length) return false;
  const matchRest = distance === 0 ? 0 : length - shortestMatch;
  target[writer.at++] = (Math.min(literals, 15) << 4) | Math.min(matchRest, 15);
  writeRest(writer, literals);
  // A view would take longer than a few bytes.
  if (literals < 32) for (let i = 0; i < literals; i++) target[writer.at + i] = source[from + i]!;
  else target.set(source.subarray(from, to), writer.at);
  writer.at += literals;
  if (distance === 0) return true;
  target[writer.at++] = distance & 255;
  target[writer.at++] = distance >> 8;
  writeRest(writer, matchRest);
  return true;
}

/** Writes what a length of 15 or more has beyond the token. */
function writeRest(writer: Writer, length: number): void {
  if (length < 15) return;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) writer.target[writer.at++] = 255;
  writer.target[writer.at++] = rest;
}

/** Fills the target from a block in LZ4's format. Returns false if the block is damaged or has another size. */
export function decompressLz4(source: Uint8Array, target: Uint8Array): boolean {
  let at = 0;
  let filled = 0;
  const wholeLength = (start: number): number => {
    let length = start;
    if (start !== 15) return length;
    for (let byte = 255; byte === 255; length += byte) {
      if (at >= source.length) return Number.POSITIVE_INFINITY;
      byte = source[at++]!;
    }
    return length;
  };
  while (at < source.length) {
    const token = source[at++]!;
    const literals = wholeLength(token >> 4);
    if (at + literals > source.length || filled + literals > target.length) return false;
    target.set(source.subarray(at, at + literals), filled);
    at += literals;
    filled += literals;
    if (at === source.length) return filled === target.length;
    if (at + 2 > source.length) return false;
    const distance = source[at]! | (source[at + 1]! << 8);
    at += 2;
    const length = wholeLength(token & 15) + shortestMatch;
    if (distance === 0 || distance > filled || filled + length > target.length) return false;
    copyWithin(target, filled - distance, { at: filled, length });
    filled += length;
  }
  return false;
}

/** Copies bytes that may overlap with their copy, which then repeats them. */
export function copyWithin(
  bytes: Uint8Array,
  from: number,
  { at, length }: { readonly at: number; readonly length: number },
): void {
  if (from + length <= at) bytes.copyWithin(at, from, from + length);
  else for (let i = 0; i < length; i++) bytes[at + i] = bytes[from + i]!;
}
