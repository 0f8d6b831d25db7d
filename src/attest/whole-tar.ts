import { readTar, type TarEntry } from "../../processor/files/tar/read-tar.js";

/**
 * Reads a tar and the bytes after its end, because there a source compares its digest, and an engine closes
 * its connection. Closes the source if the reader stops early.
 *
 * @throws TarError, and the errors of the source
 */
export async function* wholeTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const chunks = source[Symbol.asyncIterator]();
  try {
    yield* readTar({ [Symbol.asyncIterator]: () => chunks });
    while ((await chunks.next()).done !== true);
  } finally {
    await chunks.return?.();
  }
}
