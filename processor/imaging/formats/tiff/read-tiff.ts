import { constants } from "node:buffer";
import { imageError } from "../../errors.js";
import type { Zyx } from "../../volume/axes.js";
import { type Geometry, identityDirection } from "../../volume/geometry.js";
import type { Image } from "../../volume/image.js";
import { checkSizes } from "../check-sizes.js";
import { bytesOf, decodeElements, type ElementType, separateComponents } from "../element-type.js";
import { FileWindow } from "../file-window.js";
import type { ReadImageOptions } from "../read-image-options.js";
import { readSpacingFile } from "../spacing-file.js";
import { arrangeTiff } from "./tiff-axes.js";
import { blockRowBytes, decodeBlock, largestExpansion, requireKnownCompression } from "./tiff-block.js";
import { readTiffPages, type TiffPage } from "./tiff-pages.js";
import { tiffVolume } from "./tiff-volume.js";

const aheadBytes = 1 << 20;
/** The number of blocks that the thread pool inflates in parallel. */
const blocksAtOnce = 8;

/**
 * Reads a TIFF or BigTIFF file as the model's reader does: a photograph for NaturalImage2DIO (spacing 999, 1, 1), a
 * volume for Tiff3DIO (spacing z, y, x from the `<case>.json` next to it, else 1). For other readers, pages are slices,
 * samples of a pixel are components, and the spacing comes from the resolution tags as ITK reads them.
 *
 * Without a reader's name, the spacing is read as by Tiff3DIO for a volume and as by NaturalImage2DIO for a flat image.
 *
 * @throws INPUT_NOT_FOUND, IMAGE_UNSUPPORTED, IMAGE_TRUNCATED, IMAGE_INVALID, IMAGE_EMPTY
 */
export async function readTiff(path: string, { imageReader = null }: ReadImageOptions = {}): Promise<Image> {
  const file = await FileWindow.open(path);
  try {
    const volume = tiffVolume(file, await readTiffPages(file));
    const arrangement = arrangeTiff(path, volume, imageReader);
    const { sizeZyx, components, areComponentsLast } = arrangement;
    const [page] = volume.pages;
    const type = page.elementType === "bit" ? "uint8" : page.elementType;
    checkSizes(path, [components, ...sizeZyx], bytesOf(type));
    const bytes = await readVoxels(file, volume.pages, type, components * sizeZyx.reduce((a, b) => a * b));
    const voxels = decodeElements(bytes, type, false);
    return {
      voxels: areComponentsLast ? separateComponents(voxels, components) : voxels,
      components,
      geometry: await geometryOf(path, page, { ...arrangement, imageReader }),
      source: { path, format: "tiff" },
    };
  } finally {
    await file.close();
  }
}

/** Reads all samples in file order, in this machine's byte order. */
async function readVoxels(
  file: FileWindow,
  pages: readonly TiffPage[],
  type: ElementType,
  voxels: number,
): Promise<Buffer> {
  const length = voxels * bytesOf(type);
  checkClaim(file, pages);
  if (length > constants.MAX_LENGTH) {
    throw imageError(
      "IMAGE_UNSUPPORTED",
      `${file.path}: ${length} bytes of voxels; Node.js can hold at most ${constants.MAX_LENGTH} in one buffer`,
    );
  }
  const target = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const page of pages) {
    await readPage(file, page, target.subarray(at));
    at += pageBytes(page);
  }
  if (at !== length) throw new Error(`${file.path}: ${at} of ${length} bytes were read`);
  return target;
}

/** Refuses sizes that the stored bytes cannot hold, before memory is allocated for them. */
function checkClaim({ path, size }: FileWindow, pages: readonly TiffPage[]): void {
  let stored = 0;
  for (const page of pages) {
    requireKnownCompression(path, page);
    const perBlock = page.blockHeight * blockRowBytes(page);
    const ratio = largestExpansion(page.compression);
    for (const [i, { bytes }] of page.blocks.entries()) {
      stored += bytes;
      const expected = rowsOfBlock(page, i) * blockRowBytes(page);
      if (expected > bytes * ratio + 1024 || perBlock > constants.MAX_LENGTH) {
        throw imageError(
          "IMAGE_TRUNCATED",
          `${path}: a strip or tile of ${bytes} bytes cannot hold the ${expected} bytes that the file announces`,
        );
      }
    }
  }
  if (stored > size)
    throw imageError(
      "IMAGE_TRUNCATED",
      `${path}: it announces ${stored} bytes of voxels, but the file has ${size} bytes`,
    );
}

const pageBytes = ({ width, height, samplesPerPixel, elementType }: TiffPage): number =>
  width * height * samplesPerPixel * (elementType === "bit" ? 1 : bytesOf(elementType));

/** Returns the number of rows of a block: the last strip ends with the image, but tiles are always whole. */
function rowsOfBlock(page: TiffPage, index: number): number {
  if (page.isTiled) return page.blockHeight;
  const down = Math.ceil(page.height / page.blockHeight);
  return Math.min(page.blockHeight, page.height - (index % down) * page.blockHeight);
}

async function readPage(file: FileWindow, page: TiffPage, target: Buffer): Promise<void> {
  for (let first = 0; first < page.blocks.length; first += blocksAtOnce) {
    const group = page.blocks.slice(first, first + blocksAtOnce);
    const stored: Buffer[] = [];
    for (const { offset, bytes } of group) stored.push(await file.read(offset, bytes, aheadBytes));
    const decoded = await Promise.all(
      stored.map((bytes, i) =>
        decodeBlock({ path: file.path, page, bytes, rows: rowsOfBlock(page, first + i) }),
      ),
    );
    for (const [i, block] of decoded.entries()) placeBlock(block, target, { page, index: first + i });
  }
}

interface BlockPlace {
  readonly page: TiffPage;
  readonly index: number;
}

/** Copies the rows of a block to their place in the page, without the padding of tiles. */
function placeBlock(block: Uint8Array, target: Uint8Array, { page, index }: BlockPlace): void {
  const { width, height, blockWidth, blockHeight } = page;
  const across = Math.ceil(width / blockWidth);
  const down = Math.ceil(height / blockHeight);
  const plane = Math.floor(index / (across * down));
  const firstRow = (Math.floor(index / across) % down) * blockHeight;
  const firstColumn = (index % across) * blockWidth;
  const pixelBytes = pageBytes(page) / (width * height) / (page.isPlanar ? page.samplesPerPixel : 1);
  const rows = Math.min(blockHeight, height - firstRow);
  const rowBytes = Math.min(blockWidth, width - firstColumn) * pixelBytes;
  for (let row = 0; row < rows; row++) {
    const from = row * blockWidth * pixelBytes;
    const to = ((plane * height + firstRow + row) * width + firstColumn) * pixelBytes;
    target.set(block.subarray(from, from + rowBytes), to);
  }
}

interface GeometryTask {
  readonly sizeZyx: Zyx;
  readonly dimensions: 2 | 3;
  readonly imageReader: string | null;
}

async function geometryOf(path: string, page: TiffPage, task: GeometryTask): Promise<Geometry> {
  const { sizeZyx, dimensions } = task;
  return {
    sizeZyx,
    spacingMmZyx: await spacingOf(path, page, task),
    originMmXyz: [0, 0, 0],
    directionXyz: identityDirection,
    dimensions,
  };
}

async function spacingOf(path: string, page: TiffPage, task: GeometryTask): Promise<Zyx> {
  const { dimensions, imageReader } = task;
  if (imageReader === null ? dimensions === 2 : imageReader === "NaturalImage2DIO") return [999, 1, 1];
  if (imageReader === null || imageReader === "Tiff3DIO") return (await readSpacingFile(path)) ?? [1, 1, 1];
  const [x, y] = page.pixelMmXy;
  return [dimensions === 2 ? 999 * Math.max(x, y) : 1, y, x];
}
