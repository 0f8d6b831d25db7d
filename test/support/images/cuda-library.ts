interface DeviceCode {
  /** The compute capability without its point. */
  readonly architecture: number;
  readonly code: string;
}

/** Returns a 64-bit ELF library with the section names and the containers of device code, and nothing else. */
export function libraryWith(containers: readonly (readonly DeviceCode[])[]): Buffer {
  const names = Buffer.from("\0.shstrtab\0.nv_fatbin\0", "latin1");
  const code = Buffer.concat(containers.map(container));
  const header = Buffer.alloc(64);
  header.write("\x7fELF\x02", "latin1");
  const namesAt = header.length;
  const codeAt = Math.ceil((namesAt + names.length) / 8) * 8;
  header.writeBigUInt64LE(BigInt(codeAt + code.length), 0x28);
  header.writeUInt16LE(64, 0x3a);
  header.writeUInt16LE(2, 0x3c);
  const section = (name: string, offset: number, size: number): Buffer => {
    const entry = Buffer.alloc(64);
    entry.writeUInt32LE(names.indexOf(name), 0);
    entry.writeBigUInt64LE(BigInt(offset), 24);
    entry.writeBigUInt64LE(BigInt(size), 32);
    return entry;
  };
  return Buffer.concat([
    header,
    names,
    Buffer.alloc(codeAt - namesAt - names.length),
    code,
    section(".shstrtab", namesAt, names.length),
    section(".nv_fatbin", codeAt, code.length),
  ]);
}

function container(parts: readonly DeviceCode[]): Buffer {
  const entries = Buffer.concat(
    parts.map(({ architecture, code }) => {
      const entry = Buffer.alloc(64);
      entry.writeUInt32LE(entry.length, 4);
      entry.writeBigUInt64LE(BigInt(code.length), 8);
      entry.writeUInt32LE(architecture, 28);
      return Buffer.concat([entry, Buffer.from(code)]);
    }),
  );
  const header = Buffer.alloc(16);
  header.writeUInt32LE(0xba55ed50, 0);
  header.writeUInt16LE(header.length, 6);
  header.writeBigUInt64LE(BigInt(entries.length), 8);
  const padding = Buffer.alloc((8 - ((header.length + entries.length) % 8)) % 8);
  return Buffer.concat([header, entries, padding]);
}
