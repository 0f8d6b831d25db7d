/** A prefix code as deflate uses it: for each symbol its length in bits (0: unused) and its bits, first bit lowest. */
export interface HuffmanCode {
  readonly lengths: Uint8Array;
  readonly bits: Uint16Array;
}

/**
 * The code for how often symbols occur, no longer than `maxBits`. Ties go by the symbol's number, so that the same
 * counts give the same code everywhere. At least two symbols get a code, as every inflater takes it.
 */
export function huffmanCode(counts: ArrayLike<number>, maxBits: number): HuffmanCode {
  const frequencies = atLeastTwo(counts);
  const used = [...frequencies.keys()]
    .filter((symbol) => frequencies[symbol]! > 0)
    .sort((a, b) => frequencies[a]! - frequencies[b]! || a - b);
  const perLength = limited(codesPerLength(used.map((symbol) => frequencies[symbol]!)), maxBits);
  const lengths = new Uint8Array(frequencies.length);
  let next = used.length;
  for (let length = 1; length <= maxBits; length++)
    for (let i = 0; i < perLength[length]!; i++) lengths[used[--next]!] = length;
  return { lengths, bits: canonicalBits(lengths, perLength, maxBits) };
}

function atLeastTwo(counts: ArrayLike<number>): Float64Array {
  const frequencies = Float64Array.from(counts);
  let used = frequencies.filter((count) => count > 0).length;
  for (let symbol = 0; used < 2; symbol++) {
    if (frequencies[symbol]! > 0) continue;
    frequencies[symbol] = 1;
    used += 1;
  }
  return frequencies;
}

/** How many codes have each length in Huffman's tree; `weights` rise. Two queues: leaves, and what was joined. */
function codesPerLength(weights: readonly number[]): number[] {
  const count = weights.length;
  const total = [...weights];
  const parent: number[] = [];
  let leaf = 0;
  let joined = count;
  const lightest = () => {
    const takesLeaf = leaf < count && (joined >= total.length || total[leaf]! <= total[joined]!);
    return takesLeaf ? leaf++ : joined++;
  };
  for (let node = count; node < 2 * count - 1; node++) {
    const [a, b] = [lightest(), lightest()];
    total.push(total[a]! + total[b]!);
    parent[a] = node;
    parent[b] = node;
  }
  const depth = new Array<number>(2 * count - 1).fill(0);
  const perLength: number[] = [];
  for (let node = 2 * count - 3; node >= 0; node--) {
    depth[node] = depth[parent[node]!]! + 1;
    if (node < count) perLength[depth[node]!] = (perLength[depth[node]!] ?? 0) + 1;
  }
  return perLength;
}

/** Codes that are too long take the longest length; then shorter ones give way until Kraft's sum is whole again. */
function limited(perLength: readonly number[], maxBits: number): number[] {
  const counts = Array.from({ length: maxBits + 1 }, (_, length) => perLength[length] ?? 0);
  for (let length = maxBits + 1; length < perLength.length; length++)
    counts[maxBits]! += perLength[length] ?? 0;
  let kraft = counts.reduce(
    (sum, count, length) => sum + (length === 0 ? 0 : count * 2 ** (maxBits - length)),
    0,
  );
  for (; kraft > 2 ** maxBits; kraft--) {
    counts[maxBits]!--;
    let shorter = maxBits - 1;
    while (counts[shorter] === 0) shorter--;
    counts[shorter]!--;
    counts[shorter + 1]! += 2;
  }
  return counts;
}

function canonicalBits(lengths: Uint8Array, perLength: readonly number[], maxBits: number): Uint16Array {
  const next: number[] = [0];
  for (let length = 1, code = 0; length <= maxBits; length++) {
    code = (code + (length === 1 ? 0 : perLength[length - 1]!)) << 1;
    next[length] = code;
  }
  return Uint16Array.from(lengths, (length) => (length === 0 ? 0 : reversed(next[length]!++, length)));
}

function reversed(code: number, length: number): number {
  let bits = 0;
  for (let i = 0; i < length; i++) bits |= ((code >> i) & 1) << (length - 1 - i);
  return bits;
}
