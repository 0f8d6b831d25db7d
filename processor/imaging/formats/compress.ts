import { promisify } from "node:util";
import { constants, crc32, deflate, deflateRaw } from "node:zlib";

const deflateRawAsync = promisify(deflateRaw);
const deflateAsync = promisify(deflate);

/** The size of the pieces that the thread pool compresses in parallel. No piece refers to another. */
const pieceBytes = 4 * 1024 * 1024;

/**
 * Compresses content to one gzip member. Its header fields are fixed, so that the same content gives the same bytes.
 */
export async function gzipParts(content: Uint8Array, level = 6): Promise<readonly Uint8Array[]> {
  const header = Uint8Array.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
  const pieces: Promise<Buffer>[] = [];
  for (let start = 0; start === 0 || start < content.length; start += pieceBytes) {
    const isLast = start + pieceBytes >= content.length;
    const finishFlush = isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
    pieces.push(deflateRawAsync(content.subarray(start, start + pieceBytes), { level, finishFlush }));
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(content), 0);
  trailer.writeUInt32LE(content.length % 2 ** 32, 4);
  return [header, ...(await Promise.all(pieces)), trailer];
}

export const zlibCompress = (content: Uint8Array): Promise<Buffer> => deflateAsync(content);
