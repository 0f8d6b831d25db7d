import { type FileHandle, open } from "node:fs/promises";

/** Appends to a file. A chunk is written while the next one is computed. */
export class FileAppender {
  readonly #file: FileHandle;
  #writing: Promise<void> = Promise.resolve();

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Resolves when another chunk may follow. The chunk must not be changed. */
  async append(chunk: Uint8Array): Promise<void> {
    await this.#writing;
    this.#writing = this.#file.writeFile(chunk); // appends at the handle's position
    this.#writing.catch(() => {}); // reported by the next `await`
  }

  /** Resolves when the last chunk is written. */
  async finish(): Promise<void> {
    await this.#writing;
  }
}

/**
 * Writes chunks to a new file, and returns when the disk has them.
 *
 * @throws the signal's reason if aborted; the errors of the chunks and of the file system
 */
export async function writeFlushed(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const file = await open(path, "wx");
  const appender = new FileAppender(file);
  try {
    for await (const chunk of untilAborted(chunks, signal)) await appender.append(chunk);
    await appender.finish();
    await file.datasync();
  } finally {
    await appender.finish().catch(() => {});
    await file.close();
  }
}

/** Passes chunks on. An abort also ends a wait for a chunk that never comes. */
async function* untilAborted<T>(chunks: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  signal.throwIfAborted();
  const iterator = chunks[Symbol.asyncIterator]();
  let abort: () => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", abort, { once: true });
  });
  aborted.catch(() => {}); // reported by the race
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted]);
      if (next.done === true) return;
      yield next.value;
      signal.throwIfAborted();
    }
  } finally {
    signal.removeEventListener("abort", abort);
    // Not awaited: a source that waits for its next chunk ends only when that comes.
    void Promise.resolve(iterator.return?.()).catch(() => {});
  }
}
