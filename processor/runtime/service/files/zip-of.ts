import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import { openRegularFile } from "../../../files/read-text-file.js";
import { serviceError } from "../errors.js";
import type { Sendable } from "./send-file.js";

export interface ZippedFile {
  /** With forward slashes. */
  readonly name: string;
  readonly path: string;
}

const large = 0xffffffff;
/** Sizes and CRC-32 follow the data; names are UTF-8. */
const flags = 0x0808;
const version = 45;

interface Written extends ZippedFile {
  readonly offset: number;
  readonly bytes: number;
  readonly crc: number;
}

/**
 * Returns a zip file (APPNOTE 6.3, with zip64) that is made while it is sent. Its files are stored, because results are
 * compressed already; so its length is known before.
 *
 * @throws FILE_UNKNOWN
 */
export async function zipOf(name: string, files: readonly ZippedFile[]): Promise<Sendable> {
  const hash = createHash("sha256");
  let size = 98;
  for (const file of files) {
    const { size: bytes, mtimeMs } = await stat(file.path).catch((cause: unknown) => {
      throw serviceError("FILE_UNKNOWN", `${file.name} is not there any more`, { cause });
    });
    hash.update(JSON.stringify([file.name, bytes, mtimeMs]));
    const nameBytes = Buffer.byteLength(file.name);
    size += 30 + nameBytes + 20 + bytes + 24 + 46 + nameBytes + 28;
  }
  return {
    name,
    size,
    etag: `"${hash.digest("base64url").slice(0, 22)}"`,
    open: (range) =>
      Readable.from(within(zipParts(files), range), { objectMode: false, highWaterMark: 1 << 18 }),
    close: () => Promise.resolve(),
  };
}

/** Yields the bytes of a range, both ends included. */
async function* within(
  parts: AsyncIterable<Buffer>,
  { start, end }: { readonly start: number; readonly end: number },
): AsyncGenerator<Buffer> {
  let position = 0;
  for await (const part of parts) {
    const from = Math.max(0, start - position);
    const to = Math.min(part.length, end + 1 - position);
    if (from < to) yield part.subarray(from, to);
    position += part.length;
    if (position > end) return;
  }
}

async function* zipParts(files: readonly ZippedFile[]): AsyncGenerator<Buffer> {
  const written: Written[] = [];
  let position = 0;
  for (const { name, path } of files) {
    const offset = position;
    const header = localHeader(name);
    yield header;
    position += header.length;
    let [bytes, crc] = [0, 0];
    const file = await openRegularFile(path);
    for await (const part of file.createReadStream({ highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
      bytes += part.length;
      crc = crc32(part, crc);
      yield part;
    }
    const descriptor = dataDescriptor(crc, bytes);
    yield descriptor;
    position += bytes + descriptor.length;
    written.push({ name, path, offset, bytes, crc });
  }
  const start = position;
  for (const entry of written) {
    const part = directoryEntry(entry);
    position += part.length;
    yield part;
  }
  yield directoryEnd(written.length, start, position - start);
}

function localHeader(name: string): Buffer {
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(version, 4);
  header.writeUInt16LE(flags, 6);
  header.writeUInt16LE(0x21, 12); // 1 January 1980, the first date that a zip file can have
  header.writeUInt32LE(large, 18);
  header.writeUInt32LE(large, 22);
  const extra = Buffer.alloc(20);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(16, 2);
  const encoded = Buffer.from(name);
  header.writeUInt16LE(encoded.length, 26);
  header.writeUInt16LE(extra.length, 28);
  return Buffer.concat([header, encoded, extra]);
}

function dataDescriptor(crc: number, bytes: number): Buffer {
  const descriptor = Buffer.alloc(24);
  descriptor.writeUInt32LE(0x08074b50, 0);
  descriptor.writeUInt32LE(crc, 4);
  descriptor.writeBigUInt64LE(BigInt(bytes), 8);
  descriptor.writeBigUInt64LE(BigInt(bytes), 16);
  return descriptor;
}

function directoryEntry({ name, offset, bytes, crc }: Written): Buffer {
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(version, 4);
  entry.writeUInt16LE(version, 6);
  entry.writeUInt16LE(flags, 8);
  entry.writeUInt16LE(0x21, 14);
  entry.writeUInt32LE(crc, 16);
  entry.writeUInt32LE(large, 20);
  entry.writeUInt32LE(large, 24);
  const encoded = Buffer.from(name);
  entry.writeUInt16LE(encoded.length, 28);
  const extra = Buffer.alloc(28);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(24, 2);
  extra.writeBigUInt64LE(BigInt(bytes), 4);
  extra.writeBigUInt64LE(BigInt(bytes), 12);
  extra.writeBigUInt64LE(BigInt(offset), 20);
  entry.writeUInt16LE(extra.length, 30);
  entry.writeUInt32LE(large, 42);
  return Buffer.concat([entry, encoded, extra]);
}

function directoryEnd(entries: number, start: number, bytes: number): Buffer {
  const end = Buffer.alloc(56 + 20 + 22);
  end.writeUInt32LE(0x06064b50, 0);
  end.writeBigUInt64LE(44n, 4);
  end.writeUInt16LE(version, 12);
  end.writeUInt16LE(version, 14);
  end.writeBigUInt64LE(BigInt(entries), 24);
  end.writeBigUInt64LE(BigInt(entries), 32);
  end.writeBigUInt64LE(BigInt(bytes), 40);
  end.writeBigUInt64LE(BigInt(start), 48);
  end.writeUInt32LE(0x07064b50, 56);
  end.writeBigUInt64LE(BigInt(start + bytes), 64);
  end.writeUInt32LE(1, 72);
  end.writeUInt32LE(0x06054b50, 76);
  end.writeUInt16LE(Math.min(entries, 0xffff), 84);
  end.writeUInt16LE(Math.min(entries, 0xffff), 86);
  end.writeUInt32LE(large, 88);
  end.writeUInt32LE(large, 92);
  return end;
}
