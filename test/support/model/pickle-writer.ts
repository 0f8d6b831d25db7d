/** Writes pickles opcode by opcode, including dangerous ones. */
export class PickleWriter {
  readonly #bytes: number[] = [0x80, 2];

  /** Writes `module.name` with the GLOBAL opcode. */
  global(module: string, name: string): this {
    return this.raw("c").text(`${module}\n${name}\n`);
  }

  /** Writes `module.name` with the STACK_GLOBAL opcode. */
  stackGlobal(module: string, name: string): this {
    return this.string(module).string(name).opcode(0x93);
  }

  string(value: string): this {
    const bytes = Buffer.from(value);
    return this.raw("X").uint32(bytes.length).bytes(bytes);
  }

  integer(value: number): this {
    return this.raw("J").uint32(value);
  }

  /** Writes a tuple of the values that `fill` writes. */
  tuple(fill: (writer: this) => void): this {
    this.raw("(");
    fill(this);
    return this.raw("t");
  }

  /** Writes opcodes, given their letters. */
  raw(letters: string): this {
    return this.text(letters);
  }

  opcode(code: number): this {
    this.#bytes.push(code);
    return this;
  }

  uint32(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value | 0);
    return this.bytes(bytes);
  }

  text(value: string): this {
    return this.bytes(Buffer.from(value, "latin1"));
  }

  bytes(value: Uint8Array): this {
    this.#bytes.push(...value);
    return this;
  }

  /** Returns the pickle, closed with the STOP opcode. */
  finish(): Uint8Array {
    return Uint8Array.from([...this.#bytes, 0x2e]);
  }
}
