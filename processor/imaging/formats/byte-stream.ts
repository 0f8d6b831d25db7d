import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { createGunzip, createUnzip, constants as zlibConstants } from "node:zlib";
import { openInputFile } from "./input-file.js";

/** The bytes that are read, or inflated, at a time. */
export const chunkBytes = 1 << 20;

export interface ByteSource {
  readonly path: string;
  /** "zlib" accepts gzip as well, as MetaIO does. */
  readonly compression: "none" | "gzip" | "zlib";
  /** Offset of the first byte that belongs to the source; 0 when absent. */
  readonly start?: number;
  /** True for 0 in place of the bytes after the end of a file that is cut off, which is an error when absent. */
  readonly fillsMissing?: boolean;
}

export interface ByteStream {
  readonly chunks: AsyncIterator<Buffer>;
  /** The file that is read. */
  readonly file: FileHandle;
  /** Ends the stream, but leaves the file open. */
  stop(): void;
  /** Ends the stream and closes the file. */
  close(): void;
}

/** @throws INPUT_NOT_FOUND for anything but a regular file */
export const openStream = async (source: ByteSource): Promise<ByteStream> =>
  streamOf(await openInputFile(source.path), source);

/** @param length number of bytes that belong to the source; all bytes from its start when absent */
export function streamOf(
  file: FileHandle,
  { compression, start = 0, fillsMissing }: ByteSource,
  length = Number.POSITIVE_INFINITY,
): ByteStream {
  const packed = packedBytes(file, start, start + length);
  if (compression === "none") return withClose(file, packed, () => {});
  const bytes = Readable.from(packed);
  const inflate = (compression === "gzip" ? createGunzip : createUnzip)({
    chunkSize: chunkBytes,
    // Without the end of the data, it then gives what it has instead of an error.
    ...(fillsMissing === true ? { finishFlush: zlibConstants.Z_SYNC_FLUSH } : {}),
  });
  bytes.on("error", (error) => inflate.destroy(error));
  // The iterator passes the error to its reader. Without this listener, an error before the first read would end the
  // process.
  inflate.on("error", () => {});
  bytes.pipe(inflate);
  return withClose(file, inflate[Symbol.asyncIterator](), () => {
    bytes.destroy();
    inflate.destroy();
  });
}

function withClose(file: FileHandle, chunks: AsyncIterator<Buffer>, stop: () => void): ByteStream {
  let isClosed = false;
  const close = () => {
    stop();
    if (!isClosed) file.close().catch(() => {});
    isClosed = true;
  };
  return { chunks, file, stop, close };
}

/** Gives the bytes of a file from `start` to `end` (exclusive), which several streams may read. */
export async function* packedBytes(file: FileHandle, start: number, end: number): AsyncGenerator<Buffer> {
  for (let at = start; at < end; ) {
    const length = Math.min(chunkBytes, end - at);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.allocUnsafe(length), position: at });
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
