import type { FileHandle } from "node:fs/promises";
import { RandomAccessReader } from "yauzl";
import { sharedError } from "../../contract/shared-errors.js";

/** A range of a local file: `size` bytes from `offset`. */
export interface FileRange {
  readonly file: string;
  readonly offset: number;
  readonly size: number;
}

const blockBytes = 1 << 20;

/**
 * The bytes of a zip file, which may start in the middle of a file. Positions count from the start of the
 * zip.
 */
export class ByteRange extends RandomAccessReader {
  readonly handle: FileHandle;
  readonly offset: number;

  constructor(handle: FileHandle, offset: number) {
    super();
    this.handle = handle;
    this.offset = offset;
  }

  /** Called by yauzl, which compares the number of bytes read with `length`. */
  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    this.handle.read(buffer, offset, length, this.offset + position).then(
      ({ bytesRead }) => callback(null, bytesRead),
      (error: Error) => callback(error),
    );
  }

  /** Does not use a stream of the handle, because each stream leaves a listener on the handle. */
  async *stream(position: number, size: number): AsyncGenerator<Uint8Array> {
    for (let done = 0; done < size; ) {
      const block = Buffer.allocUnsafe(Math.min(blockBytes, size - done));
      const { bytesRead } = await this.handle.read(block, 0, block.length, this.offset + position + done);
      if (bytesRead === 0) throw sharedError("ARCHIVE_INVALID", `ends at byte ${position + done}`);
      yield block.subarray(0, bytesRead);
      done += bytesRead;
    }
  }
}
