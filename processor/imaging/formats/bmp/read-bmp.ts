import { imageError } from "../../errors.js";
import type { Axis } from "../../volume/axes.js";
import type { Image } from "../../volume/image.js";
import { checkSizes } from "../check-sizes.js";
import { FileWindow } from "../file-window.js";
import { photographGeometry } from "../photograph-geometry.js";

/**
 * Reads a photograph as nnU-Net's NaturalImage2DIO does: one grey component if the palette is a grey ramp, else red,
 * green and blue as components. In an image of black and white these are 0 and 1. The spacing is 999, 1, 1.
 *
 * @throws INPUT_NOT_FOUND, IMAGE_UNSUPPORTED (16 bits per pixel, run-length encoding), IMAGE_TRUNCATED, IMAGE_INVALID
 */
export async function readBmp(path: string): Promise<Image> {
  const file = await FileWindow.open(path);
  try {
    const header = await readHeader(file);
    const { width, height, bits } = header;
    checkSizes(path, [width, height], 4);
    const rowBytes = Math.ceil((width * bits) / 32) * 4;
    const rows = await file.read(header.voxelsAt, rowBytes * height, 0);
    return {
      ...pixelsOf(rows, header, rowBytes),
      geometry: photographGeometry(width, height),
      source: { path, format: "bmp" },
    };
  } finally {
    await file.close();
  }
}

interface BmpHeader {
  readonly width: number;
  readonly height: number;
  /** True if the first row comes first; otherwise the last row does. */
  readonly isTopDown: boolean;
  readonly bits: number;
  readonly voxelsAt: number;
  /** Blue, green and red of each index; null if the pixels themselves are colours. */
  readonly palette: readonly (readonly [blue: number, green: number, red: number])[] | null;
}

const fileHeaderBytes = 14;
const aheadBytes = 2048;

async function readHeader(file: FileWindow): Promise<BmpHeader> {
  const { path } = file;
  const start = await file.read(0, fileHeaderBytes + 4, aheadBytes);
  const size = start.readUInt32LE(fileHeaderBytes);
  if (start.toString("latin1", 0, 2) !== "BM" || (size !== 12 && (size < 40 || size > 124)))
    throw imageError("IMAGE_INVALID", `${path}: it does not begin as a BMP file does`);
  const header = await file.read(fileHeaderBytes, size, aheadBytes);
  const isOld = size === 12;
  const storedHeight = isOld ? header.readUInt16LE(6) : header.readInt32LE(8);
  const bits = header.readUInt16LE(isOld ? 10 : 14);
  const compression = isOld ? 0 : header.readUInt32LE(16);
  if (![1, 4, 8, 24, 32].includes(bits) || compression !== 0) {
    throw imageError(
      "IMAGE_UNSUPPORTED",
      `${path}: ${bits} bits per pixel with compression ${compression} cannot be read`,
    );
  }
  const colours = isOld ? 0 : header.readUInt32LE(32);
  const paletteTask = {
    at: fileHeaderBytes + size,
    entryBytes: isOld ? 3 : 4,
    colours: colours || 1 << bits,
  };
  return {
    width: isOld ? header.readUInt16LE(4) : header.readInt32LE(4),
    height: Math.abs(storedHeight),
    isTopDown: storedHeight < 0,
    bits,
    voxelsAt: start.readUInt32LE(10),
    palette: bits > 8 ? null : await readPalette(file, paletteTask),
  };
}

async function readPalette(
  file: FileWindow,
  { at, entryBytes, colours }: { readonly at: number; readonly entryBytes: number; readonly colours: number },
): Promise<NonNullable<BmpHeader["palette"]>> {
  if (colours > 256)
    throw imageError(
      "IMAGE_INVALID",
      `${file.path}: its palette has ${colours} colours, but at most 256 are allowed`,
    );
  const bytes = await file.read(at, colours * entryBytes, 0);
  return Array.from({ length: colours }, (_, i) => {
    const [blue = 0, green = 0, red = 0] = bytes.subarray(i * entryBytes);
    return [blue, green, red] as const;
  });
}

function pixelsOf(rows: Buffer, header: BmpHeader, rowBytes: number): Pick<Image, "voxels" | "components"> {
  const { width, height, isTopDown, bits, palette } = header;
  const isGrey = palette !== null && isGreyRamp(palette);
  const components = isGrey ? 1 : 3;
  const count = width * height;
  const voxels = new Uint8Array(count * components);
  for (let y = 0; y < height; y++) {
    const row = (isTopDown ? y : height - 1 - y) * rowBytes;
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      if (palette === null) {
        const at = row + (x * bits) / 8;
        for (let component = 0; component < 3; component++)
          voxels[component * count + i] = rows[at + 2 - component]!;
      } else {
        const index = indexAt(rows, row, x, bits);
        // Indices beyond the palette are black, as in Pillow.
        if (isGrey) voxels[i] = index;
        else
          for (let component = 0; component < 3; component++)
            voxels[component * count + i] = palette[index]?.[(2 - component) as Axis] ?? 0;
      }
    }
  }
  return { voxels, components };
}

/**
 * Returns whether a palette is black and white, or each index is its own grey value: Pillow's rule for an image without
 * colours.
 */
function isGreyRamp(palette: NonNullable<BmpHeader["palette"]>): boolean {
  const step = palette.length === 2 ? 255 : 1;
  return palette.every((colour, i) => colour.every((part) => part === i * step));
}

function indexAt(rows: Buffer, row: number, x: number, bits: number): number {
  if (bits === 8) return rows[row + x]!;
  const perByte = 8 / bits;
  const byte = rows[row + Math.floor(x / perByte)]!;
  return (byte >> (8 - bits * ((x % perByte) + 1))) & ((1 << bits) - 1);
}
