import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { MalformedDataSet } from "./scan-elements.js";

/** The bytes of a file, or of a data set that was inflated. */
export interface ByteReader {
  readonly size: number;
  /** Returns `length` bytes, which must exist. The view is valid while the file is open. */
  read(at: number, length: number): Buffer;
}

export const readerOfBytes = (bytes: Buffer): ByteReader => ({
  size: bytes.length,
  read: (at, length) => bytes.subarray(at, at + length),
});

/** Bytes that are read at first. Most files have all elements but the pixels in them. */
export const firstBytes = 1 << 14;

/**
 * Opens a file for `use`, which may read from it until it returns.
 *
 * Waits for each read, because a series has hundreds of files, of which a few kilobytes are read: passing each read to
 * another thread takes longer than the read.
 *
 * @throws MalformedDataSet, and errors of the file system
 */
export async function withFileBytes<T>(path: string, use: (reader: ByteReader) => Promise<T>): Promise<T> {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  // Taken while the file is open, because another one may be opened meanwhile.
  const memory = spare ?? Buffer.allocUnsafeSlow(firstBytes);
  spare = null;
  try {
    const found = fstatSync(file);
    if (!found.isFile()) throw new MalformedDataSet("broken", "it is not a regular file");
    return await use(readerOfFile(file, found.size, memory));
  } finally {
    spare = memory;
    closeSync(file);
  }
}

/** Memory for the beginning of the next file. A series has hundreds of them, whose memory would have to be collected. */
let spare: Buffer | null = null;

function readerOfFile(file: number, size: number, memory: Buffer): ByteReader {
  const beginning = readWhole(file, 0, memory.subarray(0, Math.min(size, firstBytes)));
  return {
    size,
    read: (at, length) =>
      at + length <= beginning.length
        ? beginning.subarray(at, at + length)
        : readWhole(file, at, Buffer.allocUnsafe(length)),
  };
}

function readWhole(file: number, at: number, bytes: Buffer): Buffer {
  for (let done = 0; done < bytes.length; ) {
    const count = readSync(file, bytes, done, bytes.length - done, at + done);
    // Another program may cut the file while it is read.
    if (count === 0) throw new MalformedDataSet("broken", `it ends at byte ${at + done}`);
    done += count;
  }
  return bytes;
}
