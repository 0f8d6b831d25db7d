import type { FileHandle } from "node:fs/promises";

const bufferBytes = 1 << 20;

/** Writes parts to a file one after another, in batches, while further parts arrive. It has two buffers. */
export class WriteBehind {
  readonly #file: FileHandle;
  #filling = Buffer.allocUnsafeSlow(bufferBytes);
  #other = Buffer.allocUnsafeSlow(bufferBytes);
  #filled = 0;
  #end: number;
  #writing: Promise<void> = Promise.resolve();

  constructor(file: FileHandle, start: number) {
    this.#file = file;
    this.#end = start;
  }

  /** The position behind the last byte that is written. */
  get end(): number {
    return this.#end;
  }

  /** Takes a part, and waits where both buffers are full. Rejects with what an earlier writing failed with. */
  async add(part: Uint8Array): Promise<void> {
    for (let taken = 0; taken < part.length; ) {
      const piece = part.subarray(taken, taken + bufferBytes - this.#filled);
      this.#filling.set(piece, this.#filled);
      this.#filled += piece.length;
      taken += piece.length;
      if (this.#filled === bufferBytes) await this.#begin();
    }
  }

  /** Waits until all parts are written. */
  async flush(): Promise<void> {
    await this.#begin();
    await this.#writing;
  }

  async #begin(): Promise<void> {
    await this.#writing;
    const full = this.#filling;
    this.#writing = this.#write(full.subarray(0, this.#filled));
    // What waits for it next fails with its error.
    this.#writing.catch(() => undefined);
    this.#filling = this.#other;
    this.#other = full;
    this.#filled = 0;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, written, bytes.length - written, this.#end);
      written += bytesWritten;
      this.#end += bytesWritten;
    }
  }
}
