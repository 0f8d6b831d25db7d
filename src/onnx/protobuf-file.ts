import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** One field of a message: its number, and either an integer or the range of its bytes. */
export interface ProtobufField {
  readonly field: number;
  /** Value of a varint, as a signed 64-bit integer; 0 for the other wire types. */
  readonly integer: number;
  /** Bytes of a length-delimited field; null for the other wire types. */
  readonly bytes: ByteSpan | null;
}

/** A part of the file, from the position of its first byte to the position after its last byte. */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

/** Thrown for a file that is not a protocol-buffer message, or that claims more bytes than it has. */
export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
}

const windowBytes = 1 << 16;
const wireTypes = { varint: 0, fixed64: 1, delimited: 2, fixed32: 5 } as const;

/**
 * A file of protocol-buffer messages of any size, read in place. Fields that are not needed are skipped, so
 * memory does not grow with the file.
 */
export class ProtobufFile {
  readonly span: ByteSpan;
  readonly #descriptor: number;
  readonly #window = Buffer.allocUnsafe(windowBytes);
  #windowStart = 0;
  #windowLength = 0;

  constructor(file: string) {
    this.#descriptor = openSync(file, "r");
    this.span = { start: 0, end: fstatSync(this.#descriptor).size };
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** Yields the fields of the message at `span`, in the file's order. */
  *fields(span: ByteSpan): Generator<ProtobufField> {
    let position = span.start;
    const varint = (): bigint => {
      const [value, next] = this.#varint(position, span.end);
      position = next;
      return value;
    };
    while (position < span.end) {
      const start = position;
      const key = Number(varint());
      const field = Math.floor(key / 8);
      const wireType = key % 8;
      if (field === 0) throw new ProtobufError(`byte ${start} does not start a field`);
      if (wireType === wireTypes.varint) {
        yield { field, integer: Number(BigInt.asIntN(64, varint())), bytes: null };
        continue;
      }
      const length = fixedLengths[wireType] ?? (wireType === wireTypes.delimited ? Number(varint()) : -1);
      if (length < 0)
        throw new ProtobufError(`byte ${start} has wire type ${wireType}, which no message uses`);
      const end = position + length;
      if (end > span.end)
        throw new ProtobufError(
          `byte ${start} claims ${length} bytes, but only ${span.end - position} are left`,
        );
      yield { field, integer: 0, bytes: wireType === wireTypes.delimited ? { start: position, end } : null };
      position = end;
    }
  }

  /** @throws ProtobufError if the text is longer than `maxBytes` */
  text({ start, end }: ByteSpan, maxBytes: number): string {
    if (end - start > maxBytes) throw new ProtobufError(`byte ${start} has a text of ${end - start} bytes`);
    const bytes = Buffer.allocUnsafe(end - start);
    for (let done = 0; done < bytes.length; ) {
      const count = readSync(this.#descriptor, bytes, done, bytes.length - done, start + done);
      if (count === 0) throw new ProtobufError("the file became shorter while it was read");
      done += count;
    }
    return bytes.toString("utf8");
  }

  /** Yields repeated integers that are packed into one field. */
  *packedIntegers(span: ByteSpan): Generator<number> {
    for (let position = span.start; position < span.end; ) {
      const [value, next] = this.#varint(position, span.end);
      position = next;
      yield Number(BigInt.asIntN(64, value));
    }
  }

  #varint(position: number, end: number): [value: bigint, next: number] {
    let value = 0n;
    for (let i = 0; i < 10 && position + i < end; i++) {
      const byte = this.#byte(position + i);
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return [value, position + i + 1];
    }
    throw new ProtobufError(`byte ${position} does not start an integer`);
  }

  #byte(position: number): number {
    const inWindow = position - this.#windowStart;
    if (inWindow >= 0 && inWindow < this.#windowLength) return this.#window[inWindow]!;
    this.#windowStart = position;
    this.#windowLength = readSync(this.#descriptor, this.#window, 0, windowBytes, position);
    if (this.#windowLength === 0) throw new ProtobufError("the file became shorter while it was read");
    return this.#window[0]!;
  }
}

const fixedLengths: Readonly<Record<number, number>> = { [wireTypes.fixed64]: 8, [wireTypes.fixed32]: 4 };
