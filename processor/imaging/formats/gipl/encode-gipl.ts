import { imageError } from "../../errors.js";
import type { Image, VoxelArray } from "../../volume/image.js";
import { bytesOf, elementTypeOf } from "../element-type.js";
import { giplHeaderBytes, giplMagics, giplOffsets, giplTypes } from "./gipl-header.js";

const largestSize = 65535;

/**
 * Returns the bytes of a GIPL file of one component, as ITK writes it: a flat image becomes one slice.
 *
 * @throws IMAGE_UNSUPPORTED if the format cannot hold the image
 */
export function encodeGipl({ voxels, geometry }: Image, path: string): Buffer {
  const type = elementTypeOf(voxels);
  const code = [...giplTypes].find(([, known]) => known === type)?.[0];
  const [z, y, x] = geometry.sizeZyx;
  if (code === undefined || Math.max(x, y, z) > largestSize)
    throw imageError(
      "IMAGE_UNSUPPORTED",
      `${path}: GIPL cannot hold ${type} voxels or an axis of ${Math.max(x, y, z)} (at most ${largestSize}); write .nii.gz instead`,
    );
  const isAligned = geometry.directionXyz.every((part, i) => Math.abs(part) === (i % 4 === 0 ? 1 : 0));
  if (!isAligned)
    throw imageError(
      "IMAGE_UNSUPPORTED",
      `${path}: GIPL cannot hold the image's direction (${geometry.directionXyz.join(" ")}); write .nii.gz instead`,
    );
  const header = Buffer.alloc(giplHeaderBytes);
  const [sz, sy, sx] = geometry.spacingMmZyx;
  // ITK reads a negative spacing as a reversed axis.
  const signs = [0, 4, 8].map((i) => geometry.directionXyz[i]!);
  const spacings = [sx * signs[0]!, sy * signs[1]!, geometry.dimensions === 2 ? 1 : sz * signs[2]!, 1];
  for (const [axis, size] of [x, y, z, 1].entries()) header.writeUInt16BE(size, giplOffsets.sizes + 2 * axis);
  header.writeUInt16BE(code, giplOffsets.type);
  for (const [axis, spacing] of spacings.entries())
    header.writeFloatBE(spacing, giplOffsets.spacings + 4 * axis);
  for (const [axis, part] of geometry.originMmXyz.entries())
    header.writeDoubleBE(part, giplOffsets.origin + 8 * axis);
  header.writeUInt32BE(giplMagics[0]!, giplOffsets.magic);
  return Buffer.concat([header, bigEndianBytes(voxels, bytesOf(type))]);
}

function bigEndianBytes(voxels: VoxelArray, bytesPerVoxel: number): Buffer {
  const bytes = Buffer.from(new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength));
  if (bytesPerVoxel === 2) return bytes.swap16();
  if (bytesPerVoxel === 4) return bytes.swap32();
  return bytesPerVoxel === 8 ? bytes.swap64() : bytes;
}
