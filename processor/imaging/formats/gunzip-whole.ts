import { open } from "node:fs/promises";
import { libdeflate } from "../../files/libdeflate.js";

/** Memory for one file, and for what it inflates to, that the next file may use again. */
export interface GunzipMemory {
  packed: Buffer;
  inflated: Buffer;
}

export const newGunzipMemory = (): GunzipMemory => ({ packed: Buffer.alloc(0), inflated: Buffer.alloc(0) });

/**
 * Inflates a gzip file at once with libdeflate, which takes two thirds of zlib's time. The system must have the library; Debian's
 * package is `libdeflate0`. The bytes are those that zlib gives, and the checksum was compared.
 *
 * @param mostBytes the largest number of inflated bytes to take memory for
 * @param memory is used if it is large enough, else replaced; the result is in it
 * @returns null if the library is missing, the file is too large, or it is anything but one undamaged member: zlib then reads
 *   it in parts, and says what is wrong with it
 */
export async function gunzipWhole(
  { path, start = 0 }: { readonly path: string; readonly start?: number },
  mostBytes: number,
  memory: GunzipMemory,
): Promise<Buffer | null> {
  const library = libdeflate();
  if (library === null) return null;
  const file = await open(path);
  try {
    const length = (await file.stat()).size - start;
    if (length < smallestMember || length > mostBytes) return null;
    const { buffer: end } = await file.read({ buffer: Buffer.alloc(4), position: start + length - 4 });
    const inflatedLength = end.readUInt32LE();
    if (inflatedLength > mostBytes) return null;
    memory.packed = atLeast(length, memory.packed);
    const packed = memory.packed.subarray(0, length);
    const { bytesRead } = await file.read({ buffer: packed, position: start });
    if (bytesRead < length) return null;
    memory.inflated = atLeast(inflatedLength, memory.inflated);
    const inflated = memory.inflated.subarray(0, inflatedLength);
    return (await library.gunzip(packed, inflated)) ? inflated : null;
  } finally {
    await file.close();
  }
}

/** The shortest member: a header of 10 bytes, 2 bytes of deflated data, the checksum and the length. */
const smallestMember = 20;

const atLeast = (length: number, buffer: Buffer): Buffer =>
  buffer.length >= length ? buffer : Buffer.allocUnsafeSlow(length);
