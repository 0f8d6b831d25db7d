import { Undecodable } from "../undecodable.js";
import { type DifferenceTable, differenceBits, type HuffmanTable } from "./huffman-table.js";

/** Reads the bits of a JPEG scan, without the zeros that follow each FF byte (T.81, F.1.2.3). */
export class BitReader {
  readonly #bytes: Uint8Array;
  #at: number;
  #bits = 0;
  #count = 0;
  /** The number of zero bits that were supplied beyond the end of the segment. */
  #supplied = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Returns the next value of a Huffman code. */
  decode(table: HuffmanTable): number {
    if (this.#count < 16) this.#fill();
    const found = table.short[(this.#bits >>> (this.#count - 8)) & 0xff]!;
    if (found !== 0) {
      this.#count -= found >> 8;
      return found & 0xff;
    }
    for (let length = 9; length <= 16; length++) {
      const code = (this.#bits >>> (this.#count - length)) & ((1 << length) - 1);
      if (code < table.endOfLength[length]!) {
        this.#count -= length;
        return table.values[code + table.offsetOfLength[length]!]!;
      }
    }
    throw new Undecodable("its bits are not a Huffman code");
  }

  /** Returns a number of `length` bits, of which the first half of all values stands for negative numbers. */
  receive(length: number): number {
    if (length === 0) return 0;
    if (this.#count < length) this.#fill();
    this.#count -= length;
    const value = (this.#bits >>> this.#count) & ((1 << length) - 1);
    return value < 1 << (length - 1) ? value - (1 << length) + 1 : value;
  }

  /** Returns the next difference between two pixels, modulo 65,536 (T.81, H.1.2.2). */
  difference({ huffman, whole }: DifferenceTable): number {
    if (this.#count < 16) this.#fill();
    const found = whole[(this.#bits >>> (this.#count - differenceBits)) & (whole.length - 1)]!;
    if (found !== 0) {
      this.#count -= found >> 16;
      return found & 0xffff;
    }
    const category = this.decode(huffman);
    if (category > 16) throw new Undecodable("a difference has more than 16 bits");
    return category === 16 ? 32768 : this.receive(category);
  }

  /** Goes on after the next restart marker. */
  restart(): void {
    this.checkComplete();
    this.#count = 0;
    this.#supplied = 0;
    const bytes = this.#bytes;
    while (bytes[this.#at] === 0xff && bytes[this.#at + 1] === 0xff) this.#at++;
    if (bytes[this.#at] !== 0xff || (bytes[this.#at + 1]! & 0xf8) !== 0xd0)
      throw new Undecodable("a restart marker is missing");
    this.#at += 2;
  }

  /** Checks that all bits that were read exist. */
  checkComplete(): void {
    if (this.#supplied > this.#count) throw new Undecodable("its bits end before its last pixel");
  }

  /** Fills up to at least 24 bits. */
  #fill(): void {
    const bytes = this.#bytes;
    while (this.#count <= 24) {
      let byte = bytes[this.#at] ?? 0xff;
      if (byte !== 0xff) this.#at++;
      else if (bytes[this.#at + 1] === 0) this.#at += 2;
      else {
        // A marker: the segment has ended.
        byte = 0;
        this.#supplied += 8;
      }
      this.#bits = (this.#bits << 8) | byte;
      this.#count += 8;
    }
  }
}
