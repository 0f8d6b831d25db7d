import type { FileHandle } from "node:fs/promises";
import { libdeflate } from "../../files/libdeflate.js";

/** Memory for an inflated file that the next file may use again. */
export interface GunzipMemory {
  inflated: Buffer;
}

export const newGunzipMemory = (): GunzipMemory => ({ inflated: Buffer.alloc(0) });

/**
 * Inflates a gzip file at once with libdeflate, which takes two thirds of zlib's time. The system must have the library; Debian's
 * package is `libdeflate0`. The bytes are those that zlib gives, and the checksum was compared.
 *
 * @param most the largest numbers of bytes to take memory for
 * @param memory is used if it is large enough, else replaced; the result is in it
 * @returns null if the library is missing, the file is too large, or it is anything but one undamaged member: zlib then reads
 *   it in parts, and says what is wrong with it
 */
export async function gunzipWhole(
  { file, start }: { readonly file: FileHandle; readonly start: number },
  most: { readonly packed: number; readonly inflated: number },
  memory: GunzipMemory,
): Promise<Buffer | null> {
  const library = libdeflate();
  if (library === null) return null;
  const length = (await file.stat()).size - start;
  if (length < smallestMember || length > most.packed) return null;
  const { buffer: header } = await file.read({ buffer: Buffer.alloc(4), position: start });
  // libdeflate does not compare the checksum of a header.
  if ((header[flagsAt]! & headerChecksumFlag) !== 0) return null;
  const { buffer: end } = await file.read({ buffer: Buffer.alloc(4), position: start + length - 4 });
  const inflatedLength = end.readUInt32LE();
  if (inflatedLength > most.inflated || !reserve(memory, inflatedLength)) return null;
  const inflated = memory.inflated.subarray(0, inflatedLength);
  return (await library.gunzip({ fd: file.fd, start, length }, inflated)) ? inflated : null;
}

/** The shortest member: a header of 10 bytes, 2 bytes of deflated data, the checksum and the length. */
const smallestMember = 20;

const flagsAt = 3;
const headerChecksumFlag = 2;

/** Takes larger memory, if it is needed; returns false if the system has none, while zlib's parts may still fit. */
function reserve(memory: GunzipMemory, length: number): boolean {
  if (memory.inflated.length >= length) return true;
  try {
    memory.inflated = Buffer.allocUnsafeSlow(length);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
