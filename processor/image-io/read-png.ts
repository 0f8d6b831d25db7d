import { readFile, stat } from "node:fs/promises";
import { PNG } from "pngjs";
import { ProcessorError } from "../errors.js";
import { identityDirection } from "../volume/geometry.js";
import type { Image } from "../volume/image.js";
import { checkSizes } from "./check-sizes.js";

/** Width and height stand in the first chunk, so that a bomb is refused before it is inflated. */
const headerBytes = 33;
const largestPixels = 2 ** 28;

/** Reads a photograph as nnU-Net's NaturalImage2DIO does: each colour a component, spacing 999, 1, 1. */
export async function readPng(path: string): Promise<Image> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new ProcessorError("INPUT_NOT_FOUND", `${path} does not exist or cannot be read`, { cause });
  });
  if (info.size < headerBytes)
    throw new ProcessorError("IMAGE_TRUNCATED", `${path}: ${info.size} bytes are no PNG`);
  const bytes = await readFile(path);
  const width = bytes.readUInt32BE(16);
  const height = bytes.readUInt32BE(20);
  checkSizes(path, [width, height], 1);
  if (width * height > largestPixels)
    throw new ProcessorError("IMAGE_UNSUPPORTED", `${path}: ${width} × ${height} pixels`);
  const png = decode(path, bytes);
  const components = png.components;
  const pixels = width * height;
  const voxels =
    png.samples instanceof Uint16Array
      ? new Uint16Array(pixels * components)
      : new Uint8Array(pixels * components);
  for (let component = 0; component < components; component++) {
    // pngjs gives four samples for each pixel, whatever the file has; the last is opacity.
    const sample = component === components - 1 && png.hasAlpha ? 3 : component;
    for (let i = 0; i < pixels; i++) voxels[component * pixels + i] = png.samples[4 * i + sample]!;
  }
  return {
    voxels,
    components,
    geometry: {
      sizeZyx: [1, height, width],
      spacingMmZyx: [999, 1, 1],
      originMmXyz: [0, 0, 0],
      directionXyz: identityDirection,
      dimensions: 2,
    },
    source: { path, format: "png" },
  };
}

function decode(path: string, bytes: Buffer) {
  try {
    const png = PNG.sync.read(bytes, { skipRescale: true }) as PNG & {
      readonly depth: number;
      readonly color: boolean;
      readonly alpha: boolean;
      readonly palette: boolean;
    };
    const samples = png.data as Buffer | Uint16Array;
    const hasColour = png.color || png.palette;
    return { samples, hasAlpha: png.alpha, components: (hasColour ? 3 : 1) + (png.alpha ? 1 : 0) };
  } catch (cause) {
    throw new ProcessorError("IMAGE_TRUNCATED", `${path}: no complete PNG: ${(cause as Error).message}`, {
      cause,
    });
  }
}
