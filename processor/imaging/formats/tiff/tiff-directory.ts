import { imageError } from "../../errors.js";
import type { FileWindow } from "../file-window.js";

const directoryBytes = 16 * 1024;

/**
 * Reads the directories of a TIFF or BigTIFF file, in file order. All directories and their values together may be as
 * long as the file, so that time and memory stay in proportion to it. This refuses directories that overlap or share
 * one long value.
 *
 * @throws IMAGE_INVALID, IMAGE_TRUNCATED
 */
export async function* tiffDirectories(file: FileWindow): AsyncGenerator<TiffDirectory> {
  const { layout, first } = await readHeader(file);
  const allowance = new Allowance(file);
  const seen = new Set<number>();
  for (let at = first; at !== 0; ) {
    if (seen.has(at))
      throw imageError("IMAGE_INVALID", `${file.path}: one of its directories refers back to an earlier one`);
    seen.add(at);
    const { entries, next } = await readEntries(allowance, layout, at);
    yield new TiffDirectory(allowance, layout, entries);
    at = next;
  }
}

/** Counts the bytes that directories have read from a file. */
class Allowance {
  readonly file: FileWindow;
  #used = 0;

  constructor(file: FileWindow) {
    this.file = file;
  }

  /** @throws IMAGE_TRUNCATED beyond the end of the file; IMAGE_INVALID if more bytes were read than the file has */
  async read(offset: number, length: number): Promise<Buffer> {
    const bytes = await this.file.read(offset, length, directoryBytes);
    this.#used += length;
    if (this.#used <= this.file.size) return bytes;
    throw imageError(
      "IMAGE_INVALID",
      `${this.file.path}: its directories and their values are longer than the file (${this.file.size} bytes), because they overlap`,
    );
  }
}

/** The encoding of numbers: BigTIFF has 64-bit offsets and counts. */
interface Layout {
  readonly isBigEndian: boolean;
  readonly isBig: boolean;
}

interface Entry {
  readonly type: number;
  readonly count: number;
  /** The offset of the value; a short value is in the entry itself. */
  readonly valueAt: number;
  readonly isInEntry: boolean;
}

async function readHeader(file: FileWindow): Promise<{ readonly layout: Layout; readonly first: number }> {
  const start = await file.read(0, 8, directoryBytes);
  const order = start.toString("latin1", 0, 2);
  const isBigEndian = order === "MM";
  const magic = isBigEndian ? start.readUInt16BE(2) : start.readUInt16LE(2);
  if ((order !== "II" && order !== "MM") || (magic !== 42 && magic !== 43)) {
    throw imageError("IMAGE_INVALID", `${file.path}: it does not begin as a TIFF file does`);
  }
  const layout = { isBigEndian, isBig: magic === 43 };
  return { layout, first: await readOffset(file, layout, layout.isBig ? 8 : 4) };
}

async function readOffset(file: FileWindow, { isBigEndian, isBig }: Layout, at: number): Promise<number> {
  const bytes = await file.read(at, isBig ? 8 : 4, directoryBytes);
  if (!isBig) return isBigEndian ? bytes.readUInt32BE() : bytes.readUInt32LE();
  return Number(isBigEndian ? bytes.readBigUInt64BE() : bytes.readBigUInt64LE());
}

async function readEntries(allowance: Allowance, layout: Layout, at: number) {
  const { file } = allowance;
  const { isBigEndian, isBig } = layout;
  const countBytes = isBig ? 8 : 2;
  const entryBytes = isBig ? 20 : 12;
  const head = await file.read(at, countBytes, directoryBytes);
  const count = isBig
    ? Number(isBigEndian ? head.readBigUInt64BE() : head.readBigUInt64LE())
    : isBigEndian
      ? head.readUInt16BE()
      : head.readUInt16LE();
  const start = at + countBytes;
  const bytes = await allowance.read(start, count * entryBytes);
  const uint16 = (offset: number) => (isBigEndian ? bytes.readUInt16BE(offset) : bytes.readUInt16LE(offset));
  const uint32 = (offset: number) => (isBigEndian ? bytes.readUInt32BE(offset) : bytes.readUInt32LE(offset));
  const entries = new Map<number, Entry>();
  for (let i = 0; i < count; i++) {
    const entry = i * entryBytes;
    const type = uint16(entry + 2);
    const values = isBig
      ? Number(isBigEndian ? bytes.readBigUInt64BE(entry + 4) : bytes.readBigUInt64LE(entry + 4))
      : uint32(entry + 4);
    const inEntry = start + entry + (isBig ? 12 : 8);
    const isInEntry = values * (bytesOfType[type] ?? 0) <= (isBig ? 8 : 4);
    const valueAt = isInEntry ? inEntry : await readOffset(file, layout, inEntry);
    // If a tag appears twice, the first one counts, as in libtiff.
    const tag = uint16(entry);
    if (!entries.has(tag)) entries.set(tag, { type, count: values, valueAt, isInEntry });
  }
  return { entries, next: await readOffset(file, layout, start + count * entryBytes) };
}

/** The sizes of the types 1 to 13 of TIFF 6.0, and 16 to 18 of BigTIFF. */
const bytesOfType: Readonly<Record<number, number>> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  5: 8,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  10: 8,
  11: 4,
  12: 8,
  13: 4,
  16: 8,
  17: 8,
  18: 8,
};

/** The tags of one page. A value is read when a caller asks for it. */
export class TiffDirectory {
  readonly #allowance: Allowance;
  readonly #layout: Layout;
  readonly #entries: ReadonlyMap<number, Entry>;

  constructor(allowance: Allowance, layout: Layout, entries: ReadonlyMap<number, Entry>) {
    this.#allowance = allowance;
    this.#layout = layout;
    this.#entries = entries;
  }

  get path(): string {
    return this.#allowance.file.path;
  }

  get isBigEndian(): boolean {
    return this.#layout.isBigEndian;
  }

  has(tag: number): boolean {
    return this.#entries.has(tag);
  }

  async text(tag: number): Promise<string> {
    const entry = this.#entries.get(tag);
    if (entry === undefined || entry.type !== 2) return "";
    return (await this.#bytes(entry)).toString("utf8").replace(/\0[\s\S]*$/, "");
  }

  /** Returns unsigned integers or fractions; `missing` if there is no such tag. */
  async numbers(tag: number, missing: readonly number[]): Promise<readonly number[]> {
    const entry = this.#entries.get(tag);
    if (entry === undefined) return missing;
    const bytes = await this.#bytes(entry);
    const { isBigEndian } = this.#layout;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const read = this.#readerOf(entry.type, view, !isBigEndian);
    if (read === undefined)
      throw imageError("IMAGE_INVALID", `${this.path}: tag ${tag} is of type ${entry.type}`);
    return Array.from({ length: entry.count }, (_, i) => read(i));
  }

  /** Returns the first number of a tag; `missing` if there is no such tag. */
  async integer(tag: number, missing: number): Promise<number> {
    const [value] = await this.numbers(tag, [missing]);
    if (value !== undefined && Number.isSafeInteger(value)) return value;
    throw imageError("IMAGE_INVALID", `${this.path}: tag ${tag} is ${value ?? "empty"}, not an integer`);
  }

  #bytes({ type, count, valueAt, isInEntry }: Entry): Promise<Buffer> {
    const length = count * (bytesOfType[type] ?? 0);
    if (isInEntry) return this.#allowance.file.read(valueAt, length, directoryBytes);
    return this.#allowance.read(valueAt, length);
  }

  #readerOf(type: number, view: DataView, little: boolean): ((i: number) => number) | undefined {
    const readers: Readonly<Record<number, (i: number) => number>> = {
      1: (i) => view.getUint8(i),
      3: (i) => view.getUint16(2 * i, little),
      4: (i) => view.getUint32(4 * i, little),
      5: (i) => view.getUint32(8 * i, little) / view.getUint32(8 * i + 4, little),
      16: (i) => Number(view.getBigUint64(8 * i, little)),
    };
    return readers[type];
  }
}
