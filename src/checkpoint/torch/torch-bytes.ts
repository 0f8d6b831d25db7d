import type { FileHandle } from "node:fs/promises";
import { openRegularFile } from "../../../processor/files/read-text-file.js";
import type { FileRange } from "../../../processor/files/zip/byte-range.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { readExactly } from "./read-exactly.js";

/**
 * The bytes of a checkpoint: a whole file, or an uncompressed part of an archive. Positions count from the
 * checkpoint's start.
 */
export class TorchBytes {
  /** The checkpoint's name, for messages. */
  readonly label: string;
  /** The file that contains the bytes. */
  readonly file: string;
  readonly handle: FileHandle;
  /** Position of the checkpoint's first byte in `file`. */
  readonly offset: number;
  readonly size: number;

  private constructor(label: string, handle: FileHandle, { file, offset, size }: FileRange) {
    this.label = label;
    this.file = file;
    this.handle = handle;
    this.offset = offset;
    this.size = size;
  }

  /**
   * @param checkpointFile the checkpoint's file, or only its name if there is a `range`
   * @throws MODEL_FILE_INVALID if it cannot be opened
   */
  static async open(checkpointFile: string, range: FileRange | null = null): Promise<TorchBytes> {
    const file = range?.file ?? checkpointFile;
    try {
      const handle = await openRegularFile(file);
      const whole = { file, offset: 0, size: (await handle.stat()).size };
      return new TorchBytes(checkpointFile, handle, range ?? whole);
    } catch (cause) {
      const reason = (cause as Error).message;
      throw builderError("MODEL_FILE_INVALID", `${checkpointFile} cannot be read: ${reason}`, {
        cause,
      });
    }
  }

  /** Reads exactly `length` bytes. Throws CHECKPOINT_TRUNCATED if the checkpoint ends before. */
  async read(position: number, length: number): Promise<Buffer<ArrayBuffer>> {
    const missing = position + length - this.size;
    if (missing > 0) {
      throw builderError(
        "CHECKPOINT_TRUNCATED",
        `${this.label} ends at byte ${this.size}, ${missing} bytes too early`,
      );
    }
    return readExactly(this.handle, { file: this.file, position: this.offset + position, length });
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}
