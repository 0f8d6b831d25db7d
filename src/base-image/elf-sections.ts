export interface ElfSection {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

/**
 * Lists the sections of a library. elf(5) names the fields of the header and of the table.
 *
 * @throws Error for a file that is not a 64-bit ELF library
 */
export function elfSections(bytes: Buffer): readonly ElfSection[] {
  if (bytes.toString("latin1", 0, 5) !== "\x7fELF\x02") throw new Error("not a 64-bit ELF library");
  const table = Number(bytes.readBigUInt64LE(0x28));
  const [entrySize, count, namesIndex] = [0x3a, 0x3c, 0x3e].map((at) => bytes.readUInt16LE(at)) as [
    ...[number, number, number],
  ];
  const entries = Array.from({ length: count }, (_, i) => {
    const at = table + i * entrySize;
    return {
      nameAt: bytes.readUInt32LE(at),
      offset: Number(bytes.readBigUInt64LE(at + 24)),
      size: Number(bytes.readBigUInt64LE(at + 32)),
    };
  });
  const names = entries[namesIndex]!.offset;
  return entries.map(({ nameAt, offset, size }) => ({ name: textAt(bytes, names + nameAt), offset, size }));
}

/** Returns the text that ends before the next zero. */
export const textAt = (bytes: Buffer, at: number): string =>
  bytes.toString("latin1", at, bytes.indexOf(0, at));
