import { readFile, stat } from "node:fs/promises";
import { PNG } from "pngjs";
import { ProcessorError } from "../errors.js";
import type { Image } from "../volume/image.js";
import { checkSizes } from "./check-sizes.js";
import { photographGeometry } from "./photograph-geometry.js";

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
  return {
    ...pixelsOf(decode(path, bytes), { bitDepth: bytes[24]!, colourType: bytes[25]! }),
    geometry: photographGeometry(width, height),
    source: { path, format: "png" },
  };
}

/** pngjs gives four samples for each pixel, whatever the file has; the last is opacity. */
type Samples = Uint8Array | Uint16Array;

function decode(path: string, bytes: Buffer): Samples {
  try {
    return PNG.sync.read(withoutTransparentColour(bytes), { skipRescale: true }).data as Buffer | Uint16Array;
  } catch (cause) {
    throw new ProcessorError("IMAGE_TRUNCATED", `${path}: no complete PNG: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** pngjs blanks the colour that a tRNS chunk calls transparent; skimage leaves it as it is. */
function withoutTransparentColour(bytes: Buffer): Buffer {
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 12 + bytes.readUInt32BE(at);
    const name = bytes.toString("latin1", at + 4, at + 8);
    if (name === "tRNS") return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    if (name === "IDAT") break;
    at = end;
  }
  return bytes;
}

interface PngHeader {
  readonly bitDepth: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey with opacity, 6 RGB with opacity. */
  readonly colourType: number;
}

/**
 * The components that skimage gives nnU-Net: opacity only where it is a channel of its own, grey of 2 and 4 bit on the
 * scale of 8, and 16-bit images cut to 8 bit unless they are plain grey.
 */
function pixelsOf(
  samples: Samples,
  { bitDepth, colourType }: PngHeader,
): Pick<Image, "voxels" | "components"> {
  const isWideGrey = bitDepth === 16 && colourType === 0;
  const channels = bitDepth === 16 && colourType === 4 ? [0, 1, 2, 3] : samplesOf[colourType]!;
  const pixels = samples.length / 4;
  const voxels = isWideGrey ? new Uint16Array(pixels) : new Uint8Array(pixels * channels.length);
  const factor = colourType === 0 ? (greyFactors[bitDepth] ?? 1) : 1;
  const shift = bitDepth === 16 && !isWideGrey ? 8 : 0;
  for (const [component, sample] of channels.entries()) {
    for (let i = 0; i < pixels; i++) {
      voxels[component * pixels + i] = (samples[4 * i + sample]! * factor) >> shift;
    }
  }
  return { voxels, components: channels.length };
}

const samplesOf: Readonly<Record<number, readonly number[]>> = {
  0: [0],
  2: [0, 1, 2],
  3: [0, 1, 2],
  4: [0, 3],
  6: [0, 1, 2, 3],
};

/** 1-bit images stay 0 and 1, as booleans are. */
const greyFactors: Readonly<Record<number, number>> = { 2: 85, 4: 17 };
