const windowBytes = 32768;
const shortestMatch = 4;
const longestMatch = 258;
const hashBits = 15;
/** Earlier places that are looked at; a match this long is good enough to stop. */
const maxTries = 16;
const goodLength = 64;

/** In a token: a match, with its length above and its distance minus one below. Otherwise a literal byte. */
export const matchFlag = 1 << 30;

/**
 * Splits bytes into literals and matches with what came up to 32 KiB before (LZ77), as one token each. A match
 * waits for one byte, in case a longer one begins there.
 */
export function findMatches(bytes: Uint8Array, tokens: Int32Array): number {
  const chains = new HashChains(bytes);
  let count = 0;
  let waiting: Match | null = null;
  for (let at = 0; at < bytes.length; ) {
    const found = chains.longestAt(at, waiting?.length ?? shortestMatch - 1);
    if (waiting !== null && found === null) {
      tokens[count++] = matchFlag | (waiting.length << 16) | (waiting.distance - 1);
      const end = at - 1 + waiting.length;
      for (let inside = at; inside < end; inside++) chains.add(inside);
      at = end;
      waiting = null;
      continue;
    }
    if (waiting !== null) tokens[count++] = bytes[at - 1]!;
    else if (found === null) tokens[count++] = bytes[at]!;
    chains.add(at);
    waiting = found;
    at += 1;
  }
  if (waiting !== null) tokens[count++] = bytes[bytes.length - 1]!;
  return count;
}

interface Match {
  readonly length: number;
  readonly distance: number;
}

/** For each hash of four bytes the latest place, and from every place the one before it. */
class HashChains {
  readonly #bytes: Uint8Array;
  readonly #latest = new Int32Array(1 << hashBits).fill(-1);
  readonly #before: Int32Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#before = new Int32Array(bytes.length);
  }

  add(at: number): void {
    if (at + shortestMatch > this.#bytes.length) return;
    const hash = this.#hashAt(at);
    this.#before[at] = this.#latest[hash]!;
    this.#latest[hash] = at;
  }

  /** Only what is longer than `length`; null for nothing. */
  longestAt(at: number, length: number): Match | null {
    const bytes = this.#bytes;
    const limit = Math.min(longestMatch, bytes.length - at);
    if (limit < shortestMatch) return null;
    let best = length;
    let bestFrom = -1;
    let from = this.#latest[this.#hashAt(at)]!;
    for (let tries = maxTries; tries > 0 && from >= 0 && at - from <= windowBytes; tries--) {
      if (bytes[from + best] === bytes[at + best]) {
        let same = 0;
        while (same < limit && bytes[from + same] === bytes[at + same]) same++;
        if (same > best) {
          best = same;
          bestFrom = from;
          if (same >= goodLength || same === limit) break;
        }
      }
      from = this.#before[from]!;
    }
    return bestFrom < 0 ? null : { length: best, distance: at - bestFrom };
  }

  #hashAt(at: number): number {
    const bytes = this.#bytes;
    const four = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    return Math.imul(four, 0x9e3779b1) >>> (32 - hashBits);
  }
}
