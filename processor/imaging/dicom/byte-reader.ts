import type { FileHandle } from "node:fs/promises";
import { MalformedDataSet } from "./scan-elements.js";

/** The bytes of a file, or of a data set that was inflated. */
export interface ByteReader {
  readonly size: number;
  /** Returns `length` bytes, which must exist. The view stays valid. */
  read(at: number, length: number): Promise<Buffer>;
}

export const readerOfBytes = (bytes: Buffer): ByteReader => ({
  size: bytes.length,
  read: async (at, length) => bytes.subarray(at, at + length),
});

export const readerOfFile = (file: FileHandle, size: number): ByteReader => ({
  size,
  async read(at, length) {
    const bytes = Buffer.allocUnsafe(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await file.read(bytes, done, length - done, at + done);
      // Another program may cut the file while it is read.
      if (bytesRead === 0) throw new MalformedDataSet("broken", `it ends at byte ${at + done}`);
      done += bytesRead;
    }
    return bytes;
  },
});
