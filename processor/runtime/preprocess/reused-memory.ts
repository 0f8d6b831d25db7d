/**
 * Shared memory for volumes that are prepared one after the other. New memory for each would stay until every thread that
 * read it collects garbage.
 */
export class ReusedMemory {
  #buffer = new SharedArrayBuffer(0);

  /** Returns an array with any values. It is valid until the next call. */
  floats(length: number): Float32Array<SharedArrayBuffer> {
    if (this.#buffer.byteLength < 4 * length) this.#buffer = new SharedArrayBuffer(4 * length);
    return new Float32Array(this.#buffer, 0, length);
  }
}
