import { copyWithin } from "./lz4-block.js";

/** Matches that are farther away than this have two more bytes of distance. */
const nearDistance = 8191;

/**
 * Fills the target from a block of Blosc's own codec, in which Blosc writes the list of a file's chunks. Returns false if the
 * block is damaged or has another size.
 */
export function decompressBlosclz(source: Uint8Array, target: Uint8Array): boolean {
  let at = 0;
  let filled = 0;
  while (at < source.length) {
    // The first byte is always one of literals, and has flags in its upper bits.
    const control = at === 0 ? source[at]! & 31 : source[at]!;
    at++;
    if (control < 32) {
      const literals = control + 1;
      if (at + literals > source.length || filled + literals > target.length) return false;
      target.set(source.subarray(at, at + literals), filled);
      at += literals;
      filled += literals;
      continue;
    }
    let length = (control >> 5) - 1 + 3;
    if (control >> 5 === 7)
      for (let byte = 255; byte === 255; length += byte) {
        if (at >= source.length) return false;
        byte = source[at++]!;
      }
    if (at >= source.length) return false;
    const high = (control & 31) << 8;
    let distance = high + source[at++]! + 1;
    if (distance === nearDistance + 1) {
      if (at + 2 > source.length) return false;
      distance = nearDistance + (source[at]! << 8) + source[at + 1]! + 1;
      at += 2;
    }
    if (distance > filled || filled + length > target.length) return false;
    copyWithin(target, filled - distance, { at: filled, length });
    filled += length;
  }
  return filled === target.length;
}
