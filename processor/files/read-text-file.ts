import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/**
 * The error for a file that is too long to read, or that is not a regular file (a FIFO would block a reader forever).
 */
class UnreadableFile extends Error {
  override readonly name = "UnreadableFile";
}

/**
 * Opens a regular file to read it, without waiting for the writer of a FIFO.
 *
 * @throws UnreadableFile, and errors of the file system
 */
export async function openRegularFile(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new UnreadableFile("it is not a regular file");
}

/**
 * Reads the text of a small untrusted file, without the byte order mark that editors on Windows write at its start.
 *
 * @throws UnreadableFile, and errors of the file system
 */
export async function readTextFile(path: string, maxBytes: number): Promise<string> {
  return withoutByteOrderMark(await readWholeText(path, maxBytes));
}

const withoutByteOrderMark = (text: string): string => (text.startsWith("\uFEFF") ? text.slice(1) : text);

/**
 * Does the same as `readTextFile`, but keeps a byte order mark.
 *
 * @throws UnreadableFile, and errors of the file system
 */
export const readWholeText = async (path: string, maxBytes: number): Promise<string> =>
  (await readBytes(path, maxBytes)).toString("utf8");

/**
 * Reads a whole untrusted file.
 *
 * @throws UnreadableFile, and errors of the file system
 */
export async function readBytes(path: string, maxBytes: number): Promise<Buffer> {
  const file = await openRegularFile(path);
  try {
    const state = await file.stat();
    if (state.size > maxBytes)
      throw new UnreadableFile(`it has ${state.size} bytes, and is longer than ${maxBytes} bytes`);
    const bytes = Buffer.alloc(state.size + 1);
    let length = 0;
    // A file may grow while it is read, or report no length (as in /proc).
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      ({ bytesRead: read } = await file.read(bytes, length, bytes.length - length));
    if (length > maxBytes) throw new UnreadableFile(`it is longer than ${maxBytes} bytes`);
    return bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}

/**
 * Does the same as `readTextFile` for callers that can't wait.
 *
 * @throws UnreadableFile, and errors of the file system
 */
export function readTextFileSync(path: string, maxBytes: number): string {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const state = fstatSync(file);
    if (!state.isFile()) throw new UnreadableFile("it is not a regular file");
    if (state.size > maxBytes)
      throw new UnreadableFile(`it has ${state.size} bytes, and is longer than ${maxBytes} bytes`);
    const bytes = Buffer.alloc(state.size);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(file, bytes, length, bytes.length - length, null);
    return withoutByteOrderMark(bytes.toString("utf8", 0, length));
  } finally {
    closeSync(file);
  }
}

/** Returns the bytes of a regular file as a stream; fails on a FIFO, which would block it forever. */
export async function* regularFileBytes(path: string): AsyncGenerator<Uint8Array> {
  const file = await openRegularFile(path);
  yield* file.createReadStream({ highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
}

/** Says why `readTextFile` failed, for a message. */
export const unreadable = (error: unknown): string =>
  error instanceof UnreadableFile
    ? error.message
    : `it can't be read (${(error as NodeJS.ErrnoException).code ?? error})`;
