import type { FileHandle } from "node:fs/promises";
import { openRegularFile } from "../../../processor/files/read-text-file.js";
import type { FileRange } from "../../archive/byte-range.js";
import { builderError } from "../../errors/builder-errors.js";
import { readExactly } from "./read-exactly.js";

/** A checkpoint's bytes: a whole file, or a part of an archive that holds it as it is. Positions count from its start. */
export class TorchBytes {
  /** For messages. */
  readonly label: string;
  /** The file that the bytes lie in. */
  readonly file: string;
  readonly handle: FileHandle;
  /** Of the checkpoint's first byte in `file`. */
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
   * @param checkpointFile its own file; only a name where `range` tells where the bytes are
   * @throws MODEL_FILE_INVALID when it cannot be opened
   */
  static async open(checkpointFile: string, range?: FileRange): Promise<TorchBytes> {
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

  /** All of `length` bytes; a checkpoint that ends before is CHECKPOINT_TRUNCATED. */
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
