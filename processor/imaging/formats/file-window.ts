import { type FileHandle, open } from "node:fs/promises";
import { sharedError } from "../../contract/shared-errors.js";
import { imageError } from "../errors.js";
import { statInputFile } from "./input-file.js";

/** Node.js reads no more than 2 GB at once. */
const largestRead = 1 << 30;

/** Gives random access to a file. Requests that are close together share one read from the disk. */
export class FileWindow {
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;

  readonly path: string;
  readonly size: number;
  readonly #file: FileHandle;

  private constructor(path: string, size: number, file: FileHandle) {
    this.path = path;
    this.size = size;
    this.#file = file;
  }

  /** @throws INPUT_NOT_FOUND */
  static async open(path: string): Promise<FileWindow> {
    const { size } = await statInputFile(path);
    const file = await open(path).catch((cause: unknown) => {
      throw sharedError("INPUT_NOT_FOUND", `${path} cannot be read`, { cause });
    });
    return new FileWindow(path, size, file);
  }

  /**
   * Returns a view of `length` bytes that stays valid; nothing is allocated for bytes that the file does not have.
   *
   * @param ahead bytes to read at once, for the next requests
   * @throws IMAGE_TRUNCATED
   */
  async read(offset: number, length: number, ahead: number): Promise<Buffer> {
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset + length > this.size) {
      throw imageError(
        "IMAGE_TRUNCATED",
        `${this.path}: it announces ${length} bytes at offset ${offset}, but ends after ${this.size} bytes`,
      );
    }
    const start = offset - this.#windowStart;
    if (start >= 0 && start + length <= this.#window.length) {
      return this.#window.subarray(start, start + length);
    }
    const wanted = Math.min(Math.max(length, ahead), this.size - offset);
    const window = Buffer.allocUnsafeSlow(wanted);
    for (let at = 0; at < wanted; ) {
      const count = Math.min(wanted - at, largestRead);
      const { bytesRead } = await this.#file.read(window, at, count, offset + at);
      if (bytesRead === 0)
        throw imageError("IMAGE_TRUNCATED", `${this.path}: it ends after ${offset + at} bytes`);
      at += bytesRead;
    }
    this.#window = window;
    this.#windowStart = offset;
    return this.#window.subarray(0, length);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
