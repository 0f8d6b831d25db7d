import type { FileHandle } from "node:fs/promises";
import { builderError } from "../../ground/errors/builder-errors.js";

export interface FileRange {
  /** For messages. */
  readonly file: string;
  readonly position: number;
  readonly length: number;
}

/** Reads all bytes of the range. Throws CHECKPOINT_TRUNCATED if the file ends before. */
export async function readExactly(handle: FileHandle, range: FileRange): Promise<Buffer<ArrayBuffer>> {
  const bytes = Buffer.from(new ArrayBuffer(range.length));
  let done = 0;
  while (done < range.length) {
    const { bytesRead } = await handle.read(bytes, done, range.length - done, range.position + done);
    if (bytesRead === 0) {
      throw builderError(
        "CHECKPOINT_TRUNCATED",
        `${range.file} ends at byte ${range.position + done}, ${range.length - done} bytes too early`,
      );
    }
    done += bytesRead;
  }
  return bytes;
}
