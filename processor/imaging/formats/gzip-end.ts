import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { createInflateRaw } from "node:zlib";
import { packedBytes } from "./byte-stream.js";

/** A file with more members is not searched, because each one needs a stream of its own. */
const mostMembers = 1000;
const longestMemberHeader = 1 << 16;
const fixedHeaderBytes = 10;
/** CRC-32 and length. */
const trailerBytes = 8;

/**
 * Returns the length in bytes of the gzip members at the beginning of a file, if other bytes follow the last one.
 *
 * gzip, zlib and ITK ignore those bytes; Node.js refuses the whole file.
 *
 * @param start offset of the first member
 * @returns null if a member is damaged or cut off, or if nothing follows
 */
export async function gzipLengthBeforeOtherBytes(file: FileHandle, start: number): Promise<number | null> {
  const { size } = await file.stat();
  let end = start;
  for (let members = 0; members < mostMembers; members++) {
    const header = await memberHeaderLength(file, end);
    if (header === "other bytes") return members === 0 || end === size ? null : end - start;
    if (header === "damaged") return null;
    const deflated = await deflatedLength(file, end + header);
    if (deflated === null) return null;
    end += header + deflated + trailerBytes;
    if (end > size) return null;
  }
  return null;
}

/** Returns the length of the header of a gzip member (RFC 1952, section 2.3). */
async function memberHeaderLength(
  file: FileHandle,
  start: number,
): Promise<number | "other bytes" | "damaged"> {
  const { buffer, bytesRead } = await file.read({
    buffer: Buffer.alloc(longestMemberHeader),
    position: start,
  });
  const bytes = buffer.subarray(0, bytesRead);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return "other bytes";
  if (bytes.length < fixedHeaderBytes || bytes[2] !== 8) return "damaged";
  const flags = bytes[3]!;
  let at = fixedHeaderBytes;
  if ((flags & 4) !== 0) at += 2 + (at + 2 <= bytes.length ? bytes.readUInt16LE(at) : bytes.length);
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue;
    const zero = bytes.indexOf(0, at);
    if (zero < 0) return "damaged";
    at = zero + 1;
  }
  if ((flags & 2) !== 0) at += 2;
  return at < bytes.length ? at : "damaged";
}

async function deflatedLength(file: FileHandle, start: number): Promise<number | null> {
  const inflate = createInflateRaw();
  const bytes = Readable.from(packedBytes(file, start, Number.POSITIVE_INFINITY));
  bytes.on("error", (error) => inflate.destroy(error));
  // A pipeline would treat bytes after the deflated data as an error.
  bytes.pipe(inflate);
  try {
    for await (const _ of inflate);
    return inflate.bytesWritten;
  } catch {
    return null;
  } finally {
    bytes.destroy();
  }
}
