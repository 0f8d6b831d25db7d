import { builderError } from "../../ground/errors/builder-errors.js";

/**
 * Reads a pickle's bytes in order. Throws CHECKPOINT_TRUNCATED at the end of the bytes, and never returns
 * `undefined`.
 */
export class ByteCursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #source: string;
  #position: number;

  constructor(bytes: Uint8Array, source: string, position = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#source = source;
    this.#position = position;
  }

  get position(): number {
    return this.#position;
  }

  uint8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  /** Reads a length. A length beyond the end of the file is detected by the read that follows. */
  uint64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), true));
  }

  float64BigEndian(): number {
    return this.#view.getFloat64(this.#advance(8), false);
  }

  /** Returns a view, not a copy. */
  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  utf8(length: number): string {
    return utf8.decode(this.bytes(length));
  }

  latin1(length: number): string {
    return Buffer.from(this.bytes(length)).toString("latin1");
  }

  /**
   * Reads up to the next line feed, which is not part of the result. Text opcodes are defined as one
   * character per byte.
   */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#position);
    if (end < 0) this.#advance(this.#bytes.length + 1);
    const text = this.latin1(end - this.#position);
    this.#position++;
    return text;
  }

  #advance(length: number): number {
    const start = this.#position;
    if (!(length >= 0 && start + length <= this.#bytes.length)) {
      throw builderError(
        "CHECKPOINT_TRUNCATED",
        `${this.#source}: the pickle ends at byte ${this.#bytes.length}, but ${length} more were expected at byte ${start}`,
      );
    }
    this.#position = start + length;
    return start;
  }
}

// Python writes lone surrogates with "surrogatepass". They become U+FFFD here, because no name needs them.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
