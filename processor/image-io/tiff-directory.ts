import { ProcessorError } from "../errors.js";
import type { ElementType } from "./element-type.js";
import type { FileWindow } from "./file-window.js";

/** One image of a TIFF file, as its directory describes it. */
export interface TiffPage {
  readonly width: number;
  readonly height: number;
  readonly samplesPerPixel: number;
  /** Samples of a pixel lie in planes of their own. */
  readonly isPlanar: boolean;
  /** `bit`: eight samples in a byte, rows begin with a byte. */
  readonly elementType: ElementType | "bit";
  readonly isBigEndian: boolean;
  readonly compression: number;
  readonly predictor: number;
  /** Strips are as wide as the image. */
  readonly isTiled: boolean;
  readonly blockWidth: number;
  readonly blockHeight: number;
  /** Plane by plane, row by row; padded at the right and below where they are tiles, cut off below where strips. */
  readonly blocks: readonly Block[];
  /** Empty when absent. */
  readonly description: string;
  /** In x and y, in mm, from the resolution tags as ITK takes them; 1 where they say nothing. */
  readonly pixelMmXy: readonly [number, number];
  /** What must be alike for pages to be slices of one volume. */
  readonly likeness: string;
}

export interface Block {
  readonly offset: number;
  readonly bytes: number;
}

const directoryBytes = 16 * 1024;

/**
 * Reads the directories of a TIFF or BigTIFF file, in file order. Directories and their values may be as long as the file
 * all together, so that time and memory stay in proportion to it: many directories that share one long value, or overlap,
 * are refused.
 *
 * @throws IMAGE_UNSUPPORTED, IMAGE_INVALID, IMAGE_TRUNCATED
 */
export async function readTiffPages(file: FileWindow): Promise<readonly [TiffPage, ...TiffPage[]]> {
  const { layout, first } = await readHeader(file);
  const allowance = new Allowance(file);
  const pages: TiffPage[] = [];
  const seen = new Set<number>();
  let blocks = 0;
  for (let at = first; at !== 0; ) {
    if (seen.has(at))
      throw new ProcessorError("IMAGE_INVALID", `${file.path}: its directories go in a circle`);
    seen.add(at);
    const { entries, next } = await readEntries(allowance, layout, at);
    const page = await readPage(new Directory(allowance, layout, entries));
    pages.push(page);
    blocks += page.blocks.length;
    if (blocks > file.size)
      throw new ProcessorError("IMAGE_INVALID", `${file.path}: it lists more pieces than it has bytes`);
    at = next;
  }
  const [head, ...others] = pages;
  if (head === undefined) throw new ProcessorError("IMAGE_EMPTY", `${file.path}: it has no page`);
  return [head, ...others];
}

/** Counts the bytes that directories have read from a file. */
class Allowance {
  private used = 0;

  constructor(readonly file: FileWindow) {}

  /** @throws IMAGE_TRUNCATED beyond the end; IMAGE_INVALID when more was read than the file has */
  async read(offset: number, length: number): Promise<Buffer> {
    const bytes = await this.file.read(offset, length, directoryBytes);
    this.used += length;
    if (this.used <= this.file.size) return bytes;
    throw new ProcessorError(
      "IMAGE_INVALID",
      `${this.file.path}: its directories list more than the ${this.file.size} bytes of the file, because they share them`,
    );
  }
}

/** How numbers are written: BigTIFF has 64-bit offsets and counts. */
interface Layout {
  readonly isBigEndian: boolean;
  readonly isBig: boolean;
}

interface Entry {
  readonly type: number;
  readonly count: number;
  /** Where the value stands: in the entry itself when it is short. */
  readonly valueAt: number;
  readonly isInEntry: boolean;
}

async function readHeader(file: FileWindow): Promise<{ readonly layout: Layout; readonly first: number }> {
  const start = await file.read(0, 8, directoryBytes);
  const order = start.toString("latin1", 0, 2);
  const isBigEndian = order === "MM";
  const magic = isBigEndian ? start.readUInt16BE(2) : start.readUInt16LE(2);
  if ((order !== "II" && order !== "MM") || (magic !== 42 && magic !== 43)) {
    throw new ProcessorError("IMAGE_INVALID", `${file.path}: it does not begin as a TIFF file does`);
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
    // The first of two alike counts, as in libtiff.
    const tag = uint16(entry);
    if (!entries.has(tag)) entries.set(tag, { type, count: values, valueAt, isInEntry });
  }
  return { entries, next: await readOffset(file, layout, start + count * entryBytes) };
}

/** TIFF 6.0's types 1 to 13 and BigTIFF's 16 to 18. */
const bytesOfType: Readonly<Record<number, number>> = {
  ...{ 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4 },
  ...{ 16: 8, 17: 8, 18: 8 },
};

class Directory {
  constructor(
    private readonly allowance: Allowance,
    private readonly layout: Layout,
    private readonly entries: ReadonlyMap<number, Entry>,
  ) {}

  get path(): string {
    return this.allowance.file.path;
  }

  get isBigEndian(): boolean {
    return this.layout.isBigEndian;
  }

  has(tag: number): boolean {
    return this.entries.has(tag);
  }

  async text(tag: number): Promise<string> {
    const entry = this.entries.get(tag);
    if (entry === undefined || entry.type !== 2) return "";
    return (await this.bytes(entry)).toString("utf8").replace(/\0[\s\S]*$/, "");
  }

  /** Unsigned integers or fractions; `missing` when there is no such tag. */
  async numbers(tag: number, missing: readonly number[]): Promise<readonly number[]> {
    const entry = this.entries.get(tag);
    if (entry === undefined) return missing;
    const bytes = await this.bytes(entry);
    const { isBigEndian } = this.layout;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const read = this.readerOf(entry.type, view, !isBigEndian);
    if (read === undefined)
      throw new ProcessorError("IMAGE_INVALID", `${this.path}: tag ${tag} is of type ${entry.type}`);
    return Array.from({ length: entry.count }, (_, i) => read(i));
  }

  /** The first of a list. */
  async integer(tag: number, missing: number): Promise<number> {
    const [value] = await this.numbers(tag, [missing]);
    if (value !== undefined && Number.isSafeInteger(value)) return value;
    throw new ProcessorError(
      "IMAGE_INVALID",
      `${this.path}: tag ${tag} is ${value ?? "empty"}, not an integer`,
    );
  }

  private bytes({ type, count, valueAt, isInEntry }: Entry): Promise<Buffer> {
    const length = count * (bytesOfType[type] ?? 0);
    if (isInEntry) return this.allowance.file.read(valueAt, length, directoryBytes);
    return this.allowance.read(valueAt, length);
  }

  private readerOf(type: number, view: DataView, little: boolean): ((i: number) => number) | undefined {
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

async function readPage(directory: Directory): Promise<TiffPage> {
  const width = await directory.integer(256, 0);
  const height = await directory.integer(257, 0);
  if (width < 1 || height < 1)
    throw new ProcessorError("IMAGE_EMPTY", `${directory.path}: its size is ${width} × ${height}`);
  await refuseRarities(directory);
  const samplesPerPixel = await directory.integer(277, 1);
  const isPlanar = (await directory.integer(284, 1)) === 2 && samplesPerPixel > 1;
  const elementType = await elementTypeOf(directory);
  const compression = await directory.integer(259, 1);
  const predictor = await directory.integer(317, 1);
  const isTiled = directory.has(322);
  const blockWidth = isTiled ? await directory.integer(322, 0) : width;
  const blockHeight = isTiled
    ? await directory.integer(323, 0)
    : Math.min(await directory.integer(278, height), height);
  if (samplesPerPixel < 1 || blockWidth < 1 || blockHeight < 1) {
    throw new ProcessorError(
      "IMAGE_INVALID",
      `${directory.path}: ${samplesPerPixel} samples in pieces of ${blockWidth} × ${blockHeight}`,
    );
  }
  const offsets = await directory.numbers(isTiled ? 324 : 273, []);
  const byteCounts = await directory.numbers(isTiled ? 325 : 279, []);
  const needed =
    Math.ceil(width / blockWidth) * Math.ceil(height / blockHeight) * (isPlanar ? samplesPerPixel : 1);
  if (offsets.length < needed || byteCounts.length < needed) {
    throw new ProcessorError(
      "IMAGE_TRUNCATED",
      `${directory.path}: ${width} × ${height} pixels need ${needed} pieces, it lists ${Math.min(offsets.length, byteCounts.length)}`,
    );
  }
  return {
    ...{ width, height, samplesPerPixel, isPlanar, elementType, compression, predictor, isTiled },
    ...{ blockWidth, blockHeight },
    isBigEndian: directory.isBigEndian,
    blocks: offsets.slice(0, needed).map((offset, i) => ({ offset, bytes: byteCounts[i]! })),
    description: await directory.text(270),
    pixelMmXy: await readPixelSize(directory),
    likeness: [
      ...[width, height, samplesPerPixel, isPlanar, elementType, compression, predictor],
      ...[isTiled, await directory.integer(262, 1), await directory.numbers(338, [])],
    ].join(),
  };
}

/** What would change the order or the meaning of voxels, and hardly ever stands in a file. */
async function refuseRarities(directory: Directory): Promise<void> {
  const depth = Math.max(await directory.integer(32997, 1), await directory.integer(32998, 1));
  const fillOrder = await directory.integer(266, 1);
  const photometric = await directory.integer(262, 1);
  const found =
    depth > 1
      ? `a page ${depth} slices deep`
      : fillOrder !== 1
        ? `fill order ${fillOrder}`
        : photometric === 6
          ? "colours as YCbCr"
          : null;
  if (found !== null) throw new ProcessorError("IMAGE_UNSUPPORTED", `${directory.path}: ${found}`);
}

async function elementTypeOf(directory: Directory): Promise<TiffPage["elementType"]> {
  const bits = new Set(await directory.numbers(258, [1]));
  const formats = new Set(await directory.numbers(339, [1]));
  const [format] = formats;
  const key = `${sampleFormats[format ?? 0] ?? `format ${format} of `}${[...bits].join(" and ")}`;
  const known = elementTypes.find((type) => type === key);
  if (bits.size === 1 && formats.size === 1 && known !== undefined) return known;
  if (key === "uint1") return "bit";
  throw new ProcessorError("IMAGE_UNSUPPORTED", `${directory.path}: samples are ${key}`);
}

const sampleFormats: Readonly<Record<number, string>> = { 1: "uint", 2: "int", 3: "float", 4: "uint" };

const elementTypes: readonly ElementType[] = [
  ...(["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"] as const),
  ...(["float32", "float64"] as const),
];

/** Pixels per inch or centimetre, as ITK's TIFFImageIO understands them. */
async function readPixelSize(directory: Directory): Promise<readonly [number, number]> {
  const unit = await directory.integer(296, 2);
  const mm = unit === 2 ? 25.4 : unit === 3 ? 10 : 0;
  const [x = 0] = (await directory.numbers(282, [])).map((perUnit) => mm / perUnit);
  const [y = 0] = (await directory.numbers(283, [])).map((perUnit) => mm / perUnit);
  const isUsable = [x, y].every((size) => Number.isFinite(size) && size > 0);
  return isUsable ? [x, y] : [1, 1];
}
