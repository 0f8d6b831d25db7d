import { realpath, stat } from "node:fs/promises";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { whyNotFound } from "../../processor/files/why-unreadable.js";
import type { FileRange } from "../../processor/files/zip/byte-range.js";
import { ZipArchive, type ZipEntry } from "../../processor/files/zip/zip-archive.js";
import { withCount } from "../ground/files/with-count.js";
import type { ContentStore } from "./content-store.js";
import type { ModelSource, SourceFile } from "./model-source.js";

/** A zip archive that is read in place. Only deflated files that need random access are unpacked. */
export class ZipSource implements ModelSource {
  readonly address: string;
  readonly #archive: ZipArchive;
  /** Identifies the archive in the cache. */
  readonly #identity: string;
  readonly #store: ContentStore;
  readonly #located = new Map<string, Promise<FileRange>>();

  private constructor(address: string, archive: ZipArchive, identity: string, store: ContentStore) {
    this.address = address;
    this.#archive = archive;
    this.#identity = identity;
    this.#store = store;
  }

  /**
   * @param sha256 digest of the whole archive if it is known; otherwise the file's path, size and time
   * identify it
   * @throws MODEL_NOT_FOUND, ARCHIVE_INVALID, ARCHIVE_UNSAFE
   */
  static async open(
    file: string,
    store: ContentStore,
    { address = file, sha256 = null }: { readonly address?: string; readonly sha256?: string | null } = {},
  ): Promise<ZipSource> {
    await stat(file).catch(async (cause: unknown) => {
      throw sharedError("MODEL_NOT_FOUND", `${file}${await whyNotFound(file, cause)}`, { cause });
    });
    const archive = await ZipArchive.open(file);
    return new ZipSource(address, archive, sha256 ?? (await placeAndTime(file)), store);
  }

  async inventory(): Promise<readonly SourceFile[]> {
    return this.#archive.entries.map(({ path, size, crc32 }) => ({ path, size, digest: formatCrc(crc32) }));
  }

  open(path: string): AsyncIterable<Uint8Array> {
    return this.#archive.read(path);
  }

  locate(path: string): Promise<FileRange> {
    const known = this.#located.get(path) ?? this.#locate(path);
    this.#located.set(path, known);
    return known;
  }

  async asFile(path: string): Promise<string> {
    return (await this.#unpack(path)).file;
  }

  close(): Promise<void> {
    return this.#archive.close();
  }

  async #locate(path: string): Promise<FileRange> {
    const inPlace = await this.#archive.locate(path);
    if (inPlace === null) return this.#unpack(path);
    // verifies the CRC-32, which readers in place do not check
    for await (const _ of this.#archive.read(path));
    return inPlace;
  }

  async #unpack(path: string): Promise<FileRange> {
    const entry = this.#archive.entry(path);
    const key = `${this.#identity}/${path}#${entry.size}:${formatCrc(entry.crc32)}`;
    return this.#store.exclusively(key, path, () => this.#unpackOnce(entry, key));
  }

  async #unpackOnce(entry: ZipEntry, key: string): Promise<FileRange> {
    const record = await this.#store.recall(key);
    const cached = record === null ? null : await this.#store.find(record.sha256, entry.path);
    if (cached !== null) return { file: cached.file, offset: 0, size: cached.size };
    const bar = this.#store.progress.start({
      label: `unpacking ${entry.path}`,
      total: entry.size,
      unit: "bytes",
    });
    try {
      const bytes = withCount(this.#archive.read(entry.path), bar.advance);
      const { file, size } = await this.#store.write(bytes, key, `${this.address}: ${entry.path}`);
      return { file, offset: 0, size };
    } finally {
      bar.done();
    }
  }
}

const formatCrc = (crc: number) => `crc32:${crc.toString(16).padStart(8, "0")}`;

async function placeAndTime(file: string): Promise<string> {
  const { size, mtimeNs, ino } = await stat(file, { bigint: true });
  return `${await realpath(file)}#${size}:${mtimeNs}:${ino}`;
}
