/** Passes chunks on, and reports the length of each. */
export async function* withCount<T extends Uint8Array>(
  chunks: AsyncIterable<T>,
  count: (length: number) => void,
): AsyncGenerator<T> {
  for await (const chunk of chunks) {
    count(chunk.byteLength);
    yield chunk;
  }
}
