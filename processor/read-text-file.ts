import { constants } from "node:fs";
import { open } from "node:fs/promises";

/** A file that is not read: too long, or something else than a file (a FIFO would block a reader for ever). */
export class UnreadableFile extends Error {
  override readonly name = "UnreadableFile";
}

/**
 * The text of a small file that strangers may have written.
 *
 * @throws UnreadableFile; what the file system throws
 */
export async function readTextFile(path: string, maxBytes: number): Promise<string> {
  // A FIFO without a writer blocks `open` too, unless it is told not to wait.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const state = await file.stat();
    if (!state.isFile()) throw new UnreadableFile("it is not a file");
    const bytes = Buffer.alloc(Math.min(state.size, maxBytes) + 1);
    let length = 0;
    // A file may grow, or say nothing of its length (/proc).
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      ({ bytesRead: read } = await file.read(bytes, length, bytes.length - length));
    if (state.size > maxBytes || length > maxBytes)
      throw new UnreadableFile(`it is longer than ${maxBytes} bytes`);
    return bytes.toString("utf8", 0, length);
  } finally {
    await file.close();
  }
}

/** Why `readTextFile` failed, for a message. */
export const unreadable = (error: unknown): string =>
  error instanceof UnreadableFile
    ? error.message
    : `it can't be read (${(error as NodeJS.ErrnoException).code ?? error})`;
