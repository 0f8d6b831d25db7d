import { createReadStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";
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
  /** The file that is read, until the stream is closed. */
  readonly file: FileHandle;
  close(): void;
}

/**
 * @param length number of bytes that belong to the source; all bytes from its start when absent
 * @throws INPUT_NOT_FOUND for anything but a regular file
 */
export async function openStream(
  { path, compression, start = 0, fillsMissing }: ByteSource,
  length?: number,
): Promise<ByteStream> {
  const end = length === undefined ? Number.POSITIVE_INFINITY : start + length - 1;
  const file = await openInputFile(path);
  const bytes = createReadStream(path, {
    fd: file,
    start,
    end,
    highWaterMark: chunkBytes,
    autoClose: false,
  });
  // The iterator passes the error to its reader. Without this listener, an error before the first read would end the
  // process.
  bytes.on("error", () => {});
  if (compression === "none") {
    return { chunks: bytes[Symbol.asyncIterator](), file, close: () => void bytes.destroy() };
  }
  const inflate = (compression === "gzip" ? createGunzip : createUnzip)({
    chunkSize: chunkBytes,
    // Without the end of the data, it then gives what it has instead of an error.
    ...(fillsMissing === true ? { finishFlush: zlibConstants.Z_SYNC_FLUSH } : {}),
  });
  bytes.on("error", (error) => inflate.destroy(error));
  inflate.on("error", () => {});
  bytes.pipe(inflate);
  const close = () => {
    bytes.destroy();
    inflate.destroy();
  };
  return { chunks: inflate[Symbol.asyncIterator](), file, close };
}
