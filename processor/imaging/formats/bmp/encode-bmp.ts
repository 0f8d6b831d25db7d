import { imageError } from "../../errors.js";
import type { Image } from "../../volume/image.js";

const fileHeaderBytes = 14;
const imageHeaderBytes = 40;
const paletteBytes = 4 * 256;

/**
 * Encodes a BMP of 8 bits with a grey ramp as its palette, as skimage writes nnU-Net's segmentations.
 *
 * @throws IMAGE_UNSUPPORTED for more than one slice or component, or labels that need 16 bits
 */
export function encodeBmp({ voxels, geometry, components }: Image, path: string): readonly Uint8Array[] {
  const [slices, height, width] = geometry.sizeZyx;
  if (slices !== 1 || components !== 1 || !(voxels instanceof Uint8Array)) {
    throw imageError("IMAGE_UNSUPPORTED", `${path}: a BMP can hold only one slice of 8-bit grey`);
  }
  const rowBytes = Math.ceil(width / 4) * 4;
  const start = fileHeaderBytes + imageHeaderBytes + paletteBytes;
  const bytes = Buffer.alloc(start + rowBytes * height);
  bytes.write("BM", 0, "latin1");
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(start, 10);
  bytes.writeUInt32LE(imageHeaderBytes, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(height, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(8, 28);
  bytes.writeUInt32LE(rowBytes * height, 34);
  bytes.writeUInt32LE(256, 46);
  bytes.writeUInt32LE(256, 50);
  for (let grey = 0; grey < 256; grey++) bytes.fill(grey, 54 + 4 * grey, 57 + 4 * grey);
  for (let y = 0; y < height; y++)
    bytes.set(voxels.subarray(y * width, (y + 1) * width), start + (height - 1 - y) * rowBytes);
  return [bytes];
}
