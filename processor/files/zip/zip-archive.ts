import { pipeline, Readable } from "node:stream";
import { crc32, createInflateRaw } from "node:zlib";
import { Entry, fromRandomAccessReaderPromise, getFileNameLowLevel, type ZipFile } from "yauzl";
import { ProcessorError } from "../../contract/errors.js";
import { sharedError } from "../../contract/shared-errors.js";
import { openRegularFile } from "../read-text-file.js";
import { whyUnreadable } from "../why-unreadable.js";
import { ByteRange, type FileRange } from "./byte-range.js";
import { checkEntry, defaultZipLimits, quote, type ZipLimits } from "./zip-entry-rules.js";

/** A file of the archive. Folders have no entry. */
export interface ZipEntry {
  /** Relative path with forward slashes, without `.` and `..`. */
  readonly path: string;
  /** Size in bytes after unpacking. */
  readonly size: number;
  readonly compressedSize: number;
  readonly isStored: boolean;
  readonly crc32: number;
}

interface IndexedEntry extends ZipEntry {
  /**
   * The fields that yauzl needs to find the local header. The raw fields of an entry may take 190 kB and are
   * not kept.
   */
  readonly headerEntry: Entry;
  readonly nameBytes: Buffer;
  readonly headerOffset: number;
  /** Position where the next entry or the directory starts. */
  readonly limitOffset: number;
}

const localHeaderBytes = 30;
const hasDataDescriptor = 0x08;

/**
 * A zip file from an untrusted source. The whole directory is checked before the first byte is read: names,
 * file types, sizes, ratios, overlaps. Length and CRC-32 of the contents are checked while they are read.
 */
export class ZipArchive {
  readonly file: string;
  /** Sorted by path. */
  readonly entries: readonly ZipEntry[];
  readonly #bytes: ByteRange;
  readonly #zip: ZipFile;
  readonly #byPath: ReadonlyMap<string, IndexedEntry>;

  private constructor(file: string, bytes: ByteRange, zip: ZipFile, entries: readonly IndexedEntry[]) {
    this.file = file;
    this.#bytes = bytes;
    this.#zip = zip;
    this.entries = entries;
    this.#byPath = new Map(entries.map((entry) => [entry.path, entry]));
  }

  /**
   * @param place a file, or a range of a file: a zip stored inside another zip, as a checkpoint in an export
   * is
   * @throws ARCHIVE_INVALID if it is not a readable zip; INPUT_NOT_FOUND if this account may not read it; ARCHIVE_UNSAFE if it could do harm
   */
  static async open(place: string | FileRange, limits: ZipLimits = defaultZipLimits): Promise<ZipArchive> {
    const file = typeof place === "string" ? place : place.file;
    const handle = await openRegularFile(file).catch(async (cause: unknown) => {
      const isClosed = (cause as NodeJS.ErrnoException).code === "EACCES";
      throw sharedError(
        isClosed ? "INPUT_NOT_FOUND" : "ARCHIVE_INVALID",
        `${file}${await whyUnreadable(file, cause)}`,
        { cause },
      );
    });
    try {
      const { offset, size } =
        typeof place === "string" ? { offset: 0, size: (await handle.stat()).size } : place;
      const bytes = new ByteRange(handle, offset);
      const zip = await fromRandomAccessReaderPromise(bytes, size, {
        autoClose: false,
        decodeStrings: false,
      });
      return new ZipArchive(file, bytes, zip, await readDirectory(zip, bytes, limits));
    } catch (cause) {
      await handle.close();
      throw inFile(file, cause);
    }
  }

  has(path: string): boolean {
    return this.#byPath.has(path);
  }

  /** @throws ARCHIVE_INVALID if the file does not exist */
  entry(path: string): ZipEntry {
    return this.#find(path);
  }

  /** Yields the contents of an entry. Throws at the end if length or CRC-32 differ from the directory. */
  async *read(path: string): AsyncGenerator<Uint8Array> {
    const entry = this.#find(path);
    try {
      yield* checked(this.#unpacked(entry, await this.#dataOffset(entry)), entry);
    } catch (cause) {
      throw inFile(this.file, cause);
    }
  }

  /** Reads the whole contents of a small file. */
  async readSmall(path: string, maxBytes: number): Promise<Buffer> {
    const { size } = this.#find(path);
    if (size > maxBytes)
      throw sharedError(
        "ARCHIVE_UNSAFE",
        `${this.file}: ${quote(path)} has ${size} bytes, but at most ${maxBytes} are allowed`,
      );
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.read(path)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /**
   * Returns the range of a stored entry's bytes in the archive, so that they can be read in place; null for a
   * deflated entry.
   */
  async locate(path: string): Promise<FileRange | null> {
    const entry = this.#find(path);
    if (!entry.isStored) return null;
    try {
      const offset = this.#bytes.offset + (await this.#dataOffset(entry));
      return { file: this.file, offset, size: entry.size };
    } catch (cause) {
      throw inFile(this.file, cause);
    }
  }

  async close(): Promise<void> {
    await this.#bytes.handle.close();
  }

  #find(path: string): IndexedEntry {
    const entry = this.#byPath.get(path);
    if (entry === undefined) throw sharedError("ARCHIVE_INVALID", `${this.file} has no file ${quote(path)}`);
    return entry;
  }

  /**
   * Reads the local header and checks that it agrees with the directory, because other programs may trust the
   * local header.
   */
  async #dataOffset(entry: IndexedEntry): Promise<number> {
    const local = await this.#zip.readLocalFileHeaderPromise(entry.headerEntry);
    const isSizeKnown = (local.generalPurposeBitFlag & hasDataDescriptor) === 0;
    const agrees =
      local.fileName.equals(entry.nameBytes) &&
      (local.compressionMethod === 0) === entry.isStored &&
      (!isSizeKnown ||
        (local.crc32 === entry.crc32 &&
          agreesWithSize(local.compressedSize, entry.compressedSize) &&
          agreesWithSize(local.uncompressedSize, entry.size)));
    if (!agrees)
      throw sharedError(
        "ARCHIVE_UNSAFE",
        `entry ${quote(entry.path)} has a header that contradicts the archive's directory`,
      );
    if (local.fileDataStart + entry.compressedSize > entry.limitOffset)
      throw sharedError("ARCHIVE_UNSAFE", `entry ${quote(entry.path)} overlaps what follows it`);
    return local.fileDataStart;
  }

  #unpacked(entry: IndexedEntry, start: number): AsyncIterable<Uint8Array> {
    if (entry.compressedSize === 0) return noBytes();
    const packed = this.#bytes.stream(start, entry.compressedSize);
    if (entry.isStored) return packed;
    // pipeline destroys the second stream with the first one's error, so the reader below receives it.
    return pipeline(Readable.from(packed), createInflateRaw({ chunkSize: 1 << 18 }), () => {});
  }
}

async function readDirectory(zip: ZipFile, bytes: ByteRange, limits: ZipLimits): Promise<IndexedEntry[]> {
  if (zip.entryCount > limits.maxEntries)
    throw sharedError(
      "ARCHIVE_UNSAFE",
      `it claims ${zip.entryCount} entries, but at most ${limits.maxEntries} are allowed`,
    );
  const directoryStart = Number(zip.readEntryCursor);
  const found: Omit<IndexedEntry, "limitOffset">[] = [];
  let total = 0;
  for await (const entry of zip.eachEntry()) {
    const path = getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true);
    checkEntry(entry, path, limits);
    total += entry.uncompressedSize;
    if (total > limits.maxTotalBytes)
      throw sharedError("ARCHIVE_UNSAFE", `it unpacks to more than ${limits.maxTotalBytes} bytes`);
    found.push(indexed(entry, path));
  }
  await checkDirectoryEnd(bytes, Number(zip.readEntryCursor));
  return filesOf(withLimits(found, directoryStart));
}

function indexed(entry: Entry, path: string): Omit<IndexedEntry, "limitOffset"> {
  return {
    path,
    size: entry.uncompressedSize,
    compressedSize: entry.compressedSize,
    isStored: entry.compressionMethod === 0,
    crc32: entry.crc32,
    headerEntry: Object.assign(new Entry(), {
      relativeOffsetOfLocalHeader: entry.relativeOffsetOfLocalHeader,
      compressedSize: entry.compressedSize,
    }),
    nameBytes: Buffer.from(entry.fileNameRaw),
    headerOffset: entry.relativeOffsetOfLocalHeader,
  };
}

/**
 * Refuses entries beyond the count at the archive's end, because other programs would read them and this one
 * would not.
 */
async function checkDirectoryEnd(bytes: ByteRange, position: number): Promise<void> {
  const signature = Buffer.alloc(4);
  await bytes.handle.read(signature, 0, 4, bytes.offset + position);
  const known = [0x06054b50, 0x06064b50]; // end of central directory, and its zip64 form
  if (!known.includes(signature.readUInt32LE(0)))
    throw sharedError("ARCHIVE_UNSAFE", "its directory does not end where its count of entries says");
}

/**
 * Checks that every entry ends before the next one starts, because zip bombs use entries that share bytes.
 */
function withLimits(
  found: readonly Omit<IndexedEntry, "limitOffset">[],
  directoryStart: number,
): IndexedEntry[] {
  const byOffset = found.toSorted((a, b) => a.headerOffset - b.headerOffset);
  return byOffset.map((entry, i) => {
    const limitOffset = byOffset[i + 1]?.headerOffset ?? directoryStart;
    const leastEnd = entry.headerOffset + localHeaderBytes + entry.nameBytes.length + entry.compressedSize;
    if (leastEnd > limitOffset)
      throw sharedError("ARCHIVE_UNSAFE", `entry ${quote(entry.path)} overlaps what follows it`);
    return { ...entry, limitOffset };
  });
}

function filesOf(entries: readonly IndexedEntry[]): IndexedEntry[] {
  const files = entries
    .filter((entry) => !entry.path.endsWith("/"))
    .toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  const seen = new Set(files.map((entry) => entry.path));
  if (seen.size < files.length) {
    const twice = files.find((entry, i) => entry.path === files[i + 1]?.path);
    throw sharedError("ARCHIVE_UNSAFE", `it contains ${quote(twice?.path ?? "")} twice`);
  }
  const isFileAndFolder = files.find((entry) => parentFolders(entry.path).some((folder) => seen.has(folder)));
  if (isFileAndFolder !== undefined)
    throw sharedError("ARCHIVE_UNSAFE", `entry ${quote(isFileAndFolder.path)} is inside another file`);
  return files;
}

function parentFolders(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join("/"));
}

function agreesWithSize(local: number, size: number): boolean {
  const isZip64 = local === 0xffffffff;
  return isZip64 || local === size;
}

async function* checked(bytes: AsyncIterable<Uint8Array>, entry: IndexedEntry): AsyncGenerator<Uint8Array> {
  let length = 0;
  let sum = 0;
  for await (const chunk of bytes) {
    length += chunk.byteLength;
    if (length > entry.size) break;
    sum = crc32(chunk, sum);
    yield chunk;
  }
  if (length !== entry.size)
    throw sharedError(
      "ARCHIVE_UNSAFE",
      `entry ${quote(entry.path)} unpacks to another size than the ${entry.size} bytes it claims`,
    );
  if (sum !== entry.crc32)
    throw sharedError("ARCHIVE_INVALID", `entry ${quote(entry.path)} is damaged: its CRC-32 differs`);
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}

function inFile(file: string, cause: unknown): ProcessorError {
  if (cause instanceof ProcessorError) {
    if (cause.message.startsWith(`${file}: `)) return cause;
    return cause.reworded(`${file}: ${cause.message}`, { cause: cause.cause });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return sharedError("ARCHIVE_INVALID", `${file}: ${reason}`, { cause });
}
