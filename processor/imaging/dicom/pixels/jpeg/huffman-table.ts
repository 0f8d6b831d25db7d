import { Undecodable } from "../undecodable.js";

/** A Huffman code as a JPEG file defines it (T.81, C). */
export interface HuffmanTable {
  /** For each beginning of 8 bits: the length of its code in the upper bits, its value in the lower 8; 0 for longer codes. */
  readonly short: Uint16Array;
  /** For each length: the largest code of it plus one, or 0; with the offset from a code to the index of its value. */
  readonly endOfLength: Int32Array;
  readonly offsetOfLength: Int32Array;
  readonly values: Uint8Array;
}

/** A table for the differences of the lossless process, each a code with the number of bits that follow it. */
export interface DifferenceTable {
  readonly huffman: HuffmanTable;
  /** For each beginning of 12 bits: the length of its code and difference, and the lower 16 bits of the difference; 0 for longer ones. */
  readonly whole: Int32Array;
}

export const differenceBits = 12;

/** Makes the table by which most differences are found at once. */
export function differenceTable(huffman: HuffmanTable): DifferenceTable {
  const whole = new Int32Array(1 << differenceBits);
  for (let start = 0; start < whole.length; start++) {
    const found = huffman.short[start >> (differenceBits - 8)]!;
    const [codeLength, category] = [found >> 8, found & 0xff];
    const length = codeLength + category;
    if (found === 0 || length > differenceBits) continue;
    const bits = (start >> (differenceBits - length)) & ((1 << category) - 1);
    const isNegative = category > 0 && bits < 1 << (category - 1);
    const difference = isNegative ? bits - (1 << category) + 1 : bits;
    whole[start] = (length << 16) | (difference & 0xffff);
  }
  return { huffman, whole };
}

/**
 * Makes a table from the number of codes of each length and their values.
 *
 * @param counts the numbers of codes of 1 to 16 bits
 */
export function huffmanTable(counts: Uint8Array, values: Uint8Array): HuffmanTable {
  const short = new Uint16Array(256);
  const endOfLength = new Int32Array(17);
  const offsetOfLength = new Int32Array(17);
  let code = 0;
  let index = 0;
  for (let length = 1; length <= 16; length++) {
    const count = counts[length - 1]!;
    if (code + count > 1 << length)
      throw new Undecodable("a Huffman table has more codes than its lengths allow");
    offsetOfLength[length] = index - code;
    for (let i = 0; i < count; i++, code++, index++) {
      if (length > 8) continue;
      const from = code << (8 - length);
      short.fill((length << 8) | values[index]!, from, from + (1 << (8 - length)));
    }
    endOfLength[length] = count === 0 ? 0 : code;
    code <<= 1;
  }
  return { short, endOfLength, offsetOfLength, values };
}
