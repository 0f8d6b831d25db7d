import { readTar, type TarEntry } from "../oci/read-tar.js";

/**
 * Reads a tar and what follows its end: there a source compares its digest, and an engine closes its connection. A
 * reader that breaks off closes the source.
 *
 * @throws TarError, and what the source throws
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
