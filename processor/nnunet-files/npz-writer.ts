import { type FileHandle, open } from "node:fs/promises";
import { crc32, createDeflateRaw, type DeflateRaw } from "node:zlib";

/** Returns numpy's `.npy` header, version 1, for little-endian numbers in C order. */
export function npyHeader(shape: readonly number[], type: "f8" | "f4" | "f2" | "i2"): Buffer {
  const text = `{'descr': '<${type}', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  // The data must begin at a multiple of 64.
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const header = Buffer.from(`\u0093NUMPY\u0001\u0000..${`${text.padEnd(length - 1)}\n`}`, "latin1");
  header.writeUInt16LE(length, 8);
  return header;
}

/** Writes a zip file with deflated entries of any size, one after the other, as `numpy.savez_compressed` does. */
export class NpzWriter {
  #position = 0;
  #headerStart = 0;
  #name = "";
  #checksum = 0;
  #rawBytes = 0;
  #compressedBytes = 0;
  #deflate: DeflateRaw | null = null;
  #draining: Promise<void> = Promise.resolve();

  readonly #file: FileHandle;
  readonly #directory: Buffer[] = [];
  readonly #level: number;

  private constructor(file: FileHandle, level: number) {
    this.#file = file;
    this.#level = level;
  }

  /** @param level zlib's level of compression; 0 stores the values as they are */
  static async create(path: string, level = 1): Promise<NpzWriter> {
    return new NpzWriter(await open(path, "wx"), level);
  }

  async begin(name: string): Promise<void> {
    this.#name = name;
    this.#checksum = 0;
    this.#rawBytes = 0;
    this.#compressedBytes = 0;
    this.#headerStart = this.#position;
    await this.#put(this.#localHeader());
    this.#deflate = createDeflateRaw({ level: this.#level, chunkSize: 1 << 20 });
    this.#draining = this.#drain(this.#deflate);
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#checksum = crc32(bytes, this.#checksum);
    this.#rawBytes += bytes.length;
    const deflate = this.#deflate!;
    const hasRoom = deflate.write(bytes);
    if (!hasRoom)
      await Promise.race([
        new Promise<void>((resolve) => void deflate.once("drain", resolve)),
        this.#draining,
      ]);
  }

  async end(): Promise<void> {
    this.#deflate!.end();
    await this.#draining;
    // The sizes are known only now, so the local header is written again in place.
    const header = this.#localHeader();
    await this.#file.write(header, 0, header.length, this.#headerStart);
    this.#directory.push(this.#directoryEntry());
  }

  async close(): Promise<void> {
    const directoryStart = this.#position;
    await this.#put(Buffer.concat(this.#directory));
    const directoryBytes = this.#position - directoryStart;
    const end64 = Buffer.alloc(56 + 20);
    end64.writeUInt32LE(0x06064b50, 0);
    end64.writeBigUInt64LE(44n, 4);
    end64.writeUInt16LE(45, 12);
    end64.writeUInt16LE(45, 14);
    end64.writeBigUInt64LE(BigInt(this.#directory.length), 24);
    end64.writeBigUInt64LE(BigInt(this.#directory.length), 32);
    end64.writeBigUInt64LE(BigInt(directoryBytes), 40);
    end64.writeBigUInt64LE(BigInt(directoryStart), 48);
    end64.writeUInt32LE(0x07064b50, 56);
    end64.writeBigUInt64LE(BigInt(directoryStart + directoryBytes), 64);
    end64.writeUInt32LE(1, 72);
    await this.#put(end64);
    const end = Buffer.alloc(22);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(this.#directory.length, 8);
    end.writeUInt16LE(this.#directory.length, 10);
    end.writeUInt32LE(directoryBytes, 12);
    end.writeUInt32LE(0xffffffff, 16);
    await this.#put(end);
    await this.#file.close();
  }

  /** Closes the file after a failure; does nothing after `close`. */
  async abandon(): Promise<void> {
    this.#deflate?.destroy();
    await this.#draining.catch(() => {});
    await this.#file.close().catch(() => {});
  }

  async #drain(deflate: DeflateRaw): Promise<void> {
    for await (const chunk of deflate) {
      await this.#put(chunk as Buffer);
      this.#compressedBytes += (chunk as Buffer).length;
    }
  }

  async #put(bytes: Buffer): Promise<void> {
    await this.#file.write(bytes, 0, bytes.length, this.#position);
    this.#position += bytes.length;
  }

  /** Returns the local header, which always stores the sizes in the zip64 extra field. */
  #localHeader(): Buffer {
    const header = Buffer.alloc(30 + this.#name.length + 20);
    header.writeUInt32LE(0x04034b50, 0);
    this.#writeCommon(header, 4);
    header.writeUInt32LE(0xffffffff, 18);
    header.writeUInt32LE(0xffffffff, 22);
    header.writeUInt16LE(this.#name.length, 26);
    header.writeUInt16LE(20, 28);
    header.write(this.#name, 30, "latin1");
    header.writeUInt16LE(1, 30 + this.#name.length);
    header.writeUInt16LE(16, 32 + this.#name.length);
    header.writeBigUInt64LE(BigInt(this.#rawBytes), 34 + this.#name.length);
    header.writeBigUInt64LE(BigInt(this.#compressedBytes), 42 + this.#name.length);
    return header;
  }

  #directoryEntry(): Buffer {
    const entry = Buffer.alloc(46 + this.#name.length + 28);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(45, 4);
    this.#writeCommon(entry, 6);
    entry.writeUInt32LE(0xffffffff, 20);
    entry.writeUInt32LE(0xffffffff, 24);
    entry.writeUInt16LE(this.#name.length, 28);
    entry.writeUInt16LE(28, 30);
    entry.writeUInt32LE(0xffffffff, 42);
    entry.write(this.#name, 46, "latin1");
    const extra = 46 + this.#name.length;
    entry.writeUInt16LE(1, extra);
    entry.writeUInt16LE(24, extra + 2);
    entry.writeBigUInt64LE(BigInt(this.#rawBytes), extra + 4);
    entry.writeBigUInt64LE(BigInt(this.#compressedBytes), extra + 12);
    entry.writeBigUInt64LE(BigInt(this.#headerStart), extra + 20);
    return entry;
  }

  /** Writes the fields that both headers share: version, flags, deflate, a fixed date (1980-01-01) and the checksum. */
  #writeCommon(target: Buffer, at: number): void {
    target.writeUInt16LE(45, at);
    target.writeUInt16LE(8, at + 4);
    target.writeUInt16LE(0x21, at + 8);
    target.writeUInt32LE(this.#checksum, at + 10);
  }
}
