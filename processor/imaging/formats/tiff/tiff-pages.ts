import { imageError } from "../../errors.js";
import type { ElementType } from "../element-type.js";
import type { FileWindow } from "../file-window.js";
import { type TiffDirectory, tiffDirectories } from "./tiff-directory.js";

/** One image of a TIFF file, as its directory describes it. */
export interface TiffPage {
  readonly width: number;
  readonly height: number;
  readonly samplesPerPixel: number;
  /** True if the samples of a pixel are in separate planes. */
  readonly isPlanar: boolean;
  /** `bit`: eight samples in a byte; each row begins with a new byte. */
  readonly elementType: ElementType | "bit";
  readonly isBigEndian: boolean;
  readonly compression: number;
  readonly predictor: number;
  /** True for tiles; false for strips, which are as wide as the image. */
  readonly isTiled: boolean;
  readonly blockWidth: number;
  readonly blockHeight: number;
  /**
   * The strips or tiles, plane by plane and row by row. Tiles are padded on the right and at the bottom; the last strip
   * ends with the image.
   */
  readonly blocks: readonly Block[];
  /** Empty if the page has none. */
  readonly description: string;
  /** The size of a pixel in x and y, in mm, from the resolution tags as ITK reads them; 1 if there are none. */
  readonly pixelMmXy: readonly [number, number];
  /** Equal for pages that can be slices of one volume. */
  readonly likeness: string;
}

export interface Block {
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Reads the pages of a TIFF or BigTIFF file, in file order.
 *
 * @throws IMAGE_UNSUPPORTED, IMAGE_INVALID, IMAGE_TRUNCATED, IMAGE_EMPTY
 */
export async function readTiffPages(file: FileWindow): Promise<readonly [TiffPage, ...TiffPage[]]> {
  const pages: TiffPage[] = [];
  let blocks = 0;
  for await (const directory of tiffDirectories(file)) {
    const page = await readPage(directory);
    pages.push(page);
    blocks += page.blocks.length;
    if (blocks > file.size)
      throw imageError("IMAGE_INVALID", `${file.path}: it lists more strips or tiles than it has bytes`);
  }
  const [head, ...others] = pages;
  if (head === undefined) throw imageError("IMAGE_EMPTY", `${file.path}: it has no page`);
  return [head, ...others];
}
async function readPage(directory: TiffDirectory): Promise<TiffPage> {
  const width = await directory.integer(256, 0);
  const height = await directory.integer(257, 0);
  if (width < 1 || height < 1)
    throw imageError("IMAGE_EMPTY", `${directory.path}: its size is ${width} × ${height}`);
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
    throw imageError(
      "IMAGE_INVALID",
      `${directory.path}: ${samplesPerPixel} samples per pixel in strips or tiles of ${blockWidth} × ${blockHeight}`,
    );
  }
  const offsets = await directory.numbers(isTiled ? 324 : 273, []);
  const byteCounts = await directory.numbers(isTiled ? 325 : 279, []);
  const needed =
    Math.ceil(width / blockWidth) * Math.ceil(height / blockHeight) * (isPlanar ? samplesPerPixel : 1);
  if (offsets.length < needed || byteCounts.length < needed) {
    throw imageError(
      "IMAGE_TRUNCATED",
      `${directory.path}: ${width} × ${height} pixels need ${needed} strips or tiles, but it lists ${Math.min(offsets.length, byteCounts.length)}`,
    );
  }
  return {
    width,
    height,
    samplesPerPixel,
    isPlanar,
    elementType,
    compression,
    predictor,
    isTiled,
    blockWidth,
    blockHeight,
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

/** Refuses rare features that would change the order or the meaning of voxels. */
async function refuseRarities(directory: TiffDirectory): Promise<void> {
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
  if (found !== null) throw imageError("IMAGE_UNSUPPORTED", `${directory.path}: ${found} cannot be read`);
}

async function elementTypeOf(directory: TiffDirectory): Promise<TiffPage["elementType"]> {
  const bits = new Set(await directory.numbers(258, [1]));
  const formats = new Set(await directory.numbers(339, [1]));
  const [format] = formats;
  const key = `${sampleFormats[format ?? 0] ?? `format ${format} of `}${[...bits].join(" and ")}`;
  const known = elementTypes.find((type) => type === key);
  if (bits.size === 1 && formats.size === 1 && known !== undefined) return known;
  if (key === "uint1") return "bit";
  throw imageError("IMAGE_UNSUPPORTED", `${directory.path}: samples of type ${key} cannot be read`);
}

const sampleFormats: Readonly<Record<number, string>> = { 1: "uint", 2: "int", 3: "float", 4: "uint" };

const elementTypes: readonly ElementType[] = [
  ...(["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"] as const),
  ...(["float32", "float64"] as const),
];

/** Returns the size of a pixel, from the pixels per inch or centimetre, as ITK's TIFFImageIO understands them. */
async function readPixelSize(directory: TiffDirectory): Promise<readonly [number, number]> {
  const unit = await directory.integer(296, 2);
  const mm = unit === 2 ? 25.4 : unit === 3 ? 10 : 0;
  const [x = 0] = (await directory.numbers(282, [])).map((perUnit) => mm / perUnit);
  const [y = 0] = (await directory.numbers(283, [])).map((perUnit) => mm / perUnit);
  const isUsable = [x, y].every((size) => Number.isFinite(size) && size > 0);
  return isUsable ? [x, y] : [1, 1];
}
