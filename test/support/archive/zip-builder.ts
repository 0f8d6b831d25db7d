import { crc32, deflateRawSync } from "node:zlib";

/** One entry of a hand-made zip. A field that is not given has the value that a correct archiver writes. */
export interface ZipPart {
  readonly name: string;
  readonly data?: Uint8Array | string;
  readonly deflate?: boolean;
  /** Unix mode, e.g. 0o120777 for a link. */
  readonly mode?: number;
  readonly flags?: number;
  /** This field and the next three are written both to the directory and to the local header. */
  readonly method?: number;
  readonly crc?: number;
  readonly size?: number;
  readonly compressedSize?: number;
  /** This field and the next are written to the local header only. */
  readonly localName?: string;
  readonly localSize?: number;
  /** Points the directory at the local header of this entry instead of writing one. */
  readonly sharesDataOf?: number;
  /** True to write sizes and offset into a zip64 extra field. */
  readonly zip64?: boolean;
  readonly extra?: Uint8Array;
}

export interface ZipEnd {
  /** The number of entries that the end of the archive claims. */
  readonly claimedEntries?: number;
  readonly comment?: string;
}

/** Writes a zip byte by byte, including faults that are asked for. For correct archives, the tests use other programs. */
export function buildZip(parts: readonly ZipPart[], end: ZipEnd = {}): Buffer {
  const chunks: Buffer[] = [];
  const directory: Buffer[] = [];
  const offsets: number[] = [];
  let offset = 0;
  for (const part of parts) {
    const described = describe(part);
    const shared = part.sharesDataOf === undefined ? undefined : offsets[part.sharesDataOf];
    offsets.push(shared ?? offset);
    if (shared === undefined) {
      const local = localHeader(described, part);
      chunks.push(local, described.packed);
      offset += local.length + described.packed.length;
    }
    directory.push(directoryHeader(described, part, offsets.at(-1)!));
  }
  const directoryBytes = Buffer.concat(directory);
  return Buffer.concat([
    ...chunks,
    directoryBytes,
    endRecord(parts.length, directoryBytes.length, offset, end),
  ]);
}

interface Described {
  readonly name: Buffer;
  readonly packed: Buffer;
  readonly method: number;
  readonly crc: number;
  readonly size: number;
  readonly compressedSize: number;
}

function describe(part: ZipPart): Described {
  const data = Buffer.from(part.data ?? "");
  const packed = part.deflate ? deflateRawSync(data) : data;
  return {
    name: Buffer.from(part.name),
    packed,
    method: part.method ?? (part.deflate ? 8 : 0),
    crc: part.crc ?? crc32(data),
    size: part.size ?? data.length,
    compressedSize: part.compressedSize ?? packed.length,
  };
}

function localHeader(described: Described, part: ZipPart): Buffer {
  const header = Buffer.alloc(30);
  const name = Buffer.from(part.localName ?? part.name);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(20, 4);
  header.writeUInt16LE(part.flags ?? 0x800, 6);
  header.writeUInt16LE(described.method, 8);
  header.writeUInt32LE(described.crc, 14);
  header.writeUInt32LE(part.zip64 ? 0xffffffff : described.compressedSize, 18);
  header.writeUInt32LE(part.zip64 ? 0xffffffff : (part.localSize ?? described.size), 22);
  header.writeUInt16LE(name.length, 26);
  const extra = part.zip64 ? zip64Extra([described.size, described.compressedSize]) : Buffer.alloc(0);
  header.writeUInt16LE(extra.length, 28);
  return Buffer.concat([header, name, extra]);
}

function directoryHeader(described: Described, part: ZipPart, offset: number): Buffer {
  const header = Buffer.alloc(46);
  const extra = part.zip64
    ? zip64Extra([described.size, described.compressedSize, offset])
    : Buffer.from(part.extra ?? []);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE((3 << 8) | 20, 4);
  header.writeUInt16LE(20, 6);
  header.writeUInt16LE(part.flags ?? 0x800, 8);
  header.writeUInt16LE(described.method, 10);
  header.writeUInt32LE(described.crc, 16);
  header.writeUInt32LE(part.zip64 ? 0xffffffff : described.compressedSize, 20);
  header.writeUInt32LE(part.zip64 ? 0xffffffff : described.size, 24);
  header.writeUInt16LE(described.name.length, 28);
  header.writeUInt16LE(extra.length, 30);
  header.writeUInt32LE(((part.mode ?? 0o100644) << 16) >>> 0, 38);
  header.writeUInt32LE(part.zip64 ? 0xffffffff : offset, 42);
  return Buffer.concat([header, described.name, extra]);
}

function zip64Extra(values: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + 8 * values.length);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(8 * values.length, 2);
  values.forEach((value, i) => {
    extra.writeBigUInt64LE(BigInt(value), 4 + 8 * i);
  });
  return extra;
}

/** Returns the end of a zip, with the zip64 end before it if the count needs one. */
export function endRecord(entries: number, directoryBytes: number, offset: number, end: ZipEnd = {}): Buffer {
  const claimed = end.claimedEntries ?? entries;
  const comment = Buffer.from(end.comment ?? "");
  const record = Buffer.alloc(22);
  record.writeUInt32LE(0x06054b50, 0);
  record.writeUInt16LE(Math.min(claimed, 0xffff), 8);
  record.writeUInt16LE(Math.min(claimed, 0xffff), 10);
  record.writeUInt32LE(directoryBytes, 12);
  record.writeUInt32LE(offset, 16);
  record.writeUInt16LE(comment.length, 20);
  if (claimed <= 0xffff) return Buffer.concat([record, comment]);
  const zip64 = Buffer.alloc(56 + 20);
  zip64.writeUInt32LE(0x06064b50, 0);
  zip64.writeBigUInt64LE(44n, 4);
  zip64.writeBigUInt64LE(BigInt(claimed), 24);
  zip64.writeBigUInt64LE(BigInt(claimed), 32);
  zip64.writeBigUInt64LE(BigInt(directoryBytes), 40);
  zip64.writeBigUInt64LE(BigInt(offset), 48);
  zip64.writeUInt32LE(0x07064b50, 56);
  zip64.writeBigUInt64LE(BigInt(offset + directoryBytes), 64);
  zip64.writeUInt32LE(1, 72);
  return Buffer.concat([zip64, record, comment]);
}
