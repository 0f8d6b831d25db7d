import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createInflate } from "node:zlib";
import { ProcessorError } from "../../../contract/errors.js";
import { imageError } from "../../errors.js";
import type { Image } from "../../volume/image.js";
import { checkSizes } from "../check-sizes.js";
import { FileWindow } from "../file-window.js";
import { photographGeometry } from "../photograph-geometry.js";
import { type PngHeader, type PngStart, readImageData, readPngStart } from "./png-chunks.js";
import { announcedBytes, PngRows, samplesOf } from "./png-rows.js";

/**
 * The most pixels. nnU-Net reads photographs with Pillow, which treats more as a decompression bomb: `2 *
 * Image.MAX_IMAGE_PIXELS`.
 */
const largestPixels = 178_956_970;

/** Deflate cannot do better than 1032 : 1. */
const largestRatio = 1032;

/**
 * Reads a photograph as nnU-Net's NaturalImage2DIO does: each colour is a component, the spacing is 999, 1, 1. Rows are
 * decoded as they are inflated, so that only the pixels take memory.
 *
 * @throws INPUT_NOT_FOUND, IMAGE_UNSUPPORTED, IMAGE_TRUNCATED, IMAGE_INVALID, IMAGE_EMPTY
 */
export async function readPng(path: string): Promise<Image> {
  const file = await FileWindow.open(path);
  try {
    const start = await readPngStart(file);
    const { width, height } = start.header;
    checkSizes(path, [width, height], 1);
    checkClaim(file, start.header);
    return {
      ...(await readPixels(file, start)),
      geometry: photographGeometry(width, height),
      source: { path, format: "png" },
    };
  } finally {
    await file.close();
  }
}

/** Refuses a decompression bomb before it takes memory. */
function checkClaim({ path, size }: FileWindow, header: PngHeader): void {
  const { width, height } = header;
  if (width * height > largestPixels) {
    throw imageError(
      "IMAGE_UNSUPPORTED",
      `${path}: it has ${width} × ${height} pixels; at most ${largestPixels} can be read`,
    );
  }
  const bytes = announcedBytes(header);
  if (bytes > size * largestRatio) {
    throw imageError(
      "IMAGE_TRUNCATED",
      `${path}: the header announces ${bytes} bytes of image data, more than a file of ${size} bytes can hold`,
    );
  }
}

async function readPixels(
  file: FileWindow,
  { header, palette, dataAt }: PngStart,
): Promise<Pick<Image, "voxels" | "components">> {
  const { width, height } = header;
  const count = width * height;
  const { isWide, channels, toVoxel } = channelsOf(header, palette);
  const components = channels.length;
  const voxels = isWide ? new Uint16Array(count) : new Uint8Array(count * components);
  const perPixel = samplesOf(header);
  const rows = new PngRows(file.path, header, (samples, pass, row) => {
    const first = (pass.firstY + row * pass.stepY) * width + pass.firstX;
    for (const [component, channel] of channels.entries()) {
      const from = component * count + first;
      for (let x = 0; x < pass.width; x++)
        voxels[from + x * pass.stepX] = toVoxel(samples[x * perPixel + channel.sample]!, channel.part);
    }
  });
  await inflateInto(rows, file, dataAt);
  return { voxels, components };
}

async function inflateInto(rows: PngRows, file: FileWindow, dataAt: number): Promise<void> {
  // If a stage throws, the pipeline may report the abort of another stage instead.
  let refusal: unknown = null;
  const push = (chunk: Buffer): void => {
    try {
      rows.push(chunk);
    } catch (error) {
      refusal = error;
      throw error;
    }
  };
  try {
    await pipeline(
      Readable.from(readImageData(file, dataAt)),
      createInflate(),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) push(chunk);
      },
    );
  } catch (cause) {
    const error = refusal ?? cause;
    if (error instanceof ProcessorError) throw error;
    throw imageError(
      "IMAGE_TRUNCATED",
      `${file.path}: the compressed image data is damaged or cut off: ${(cause as Error).message}`,
      { cause },
    );
  }
  rows.finish();
}

interface Channels {
  /** True if the voxels have 16 bits. */
  readonly isWide: boolean;
  /** For each component: the index of its sample in the pixel, and the colour in the palette's entry. */
  readonly channels: readonly { readonly sample: number; readonly part: number }[];
  toVoxel(sample: number, part: number): number;
}

/**
 * Returns the components that skimage gives nnU-Net: opacity only if it has a channel, the colours of a palette, 2-bit
 * and 4-bit grey scaled to 8 bits, and 16-bit images cut to 8 bits unless they are plain grey. A colour that a tRNS
 * chunk declares transparent is kept.
 */
function channelsOf({ bitDepth, colourType }: PngHeader, palette: Uint8Array): Channels {
  const plain = (...samples: readonly number[]) => samples.map((sample) => ({ sample, part: 0 }));
  if (colourType === 3) {
    const channels = [0, 1, 2].map((part) => ({ sample: 0, part }));
    // Indices beyond the palette are black, as in Pillow.
    return { isWide: false, channels, toVoxel: (index, part) => palette[3 * index + part] ?? 0 };
  }
  if (colourType === 0) {
    // 1-bit images keep 0 and 1, because skimage reads them as booleans.
    const factor = bitDepth === 2 ? 85 : bitDepth === 4 ? 17 : 1;
    return { isWide: bitDepth === 16, channels: plain(0), toVoxel: (sample) => sample * factor };
  }
  const shift = bitDepth === 16 ? 8 : 0;
  const toVoxel = (sample: number) => sample >> shift;
  if (colourType === 4)
    return { isWide: false, channels: bitDepth === 16 ? plain(0, 0, 0, 1) : plain(0, 1), toVoxel };
  return { isWide: false, channels: colourType === 2 ? plain(0, 1, 2) : plain(0, 1, 2, 3), toVoxel };
}
