import type { Image, ImageFormat, ImageHead } from "../volume/image.js";
import { readBmp } from "./bmp/read-bmp.js";
import { readGipl } from "./gipl/read-gipl.js";
import { imageFormatOf } from "./image-ending.js";
import { readMetaimage } from "./metaimage/read-metaimage.js";
import { readNifti, readNiftiHead, readNiftiInBlocks } from "./nifti/read-nifti.js";
import { readNrrd } from "./nrrd/read-nrrd.js";
import { readPng } from "./png/read-png.js";
import type { BlockSink, ReadImageOptions } from "./read-image-options.js";
import { readTiff } from "./tiff/read-tiff.js";

const readers: Readonly<Record<ImageFormat, (path: string, options: ReadImageOptions) => Promise<Image>>> = {
  nifti: readNifti,
  metaimage: readMetaimage,
  nrrd: readNrrd,
  gipl: readGipl,
  png: readPng,
  bmp: readBmp,
  tiff: readTiff,
};

/**
 * Reads one image file of any known format.
 *
 * @throws INPUT_NOT_FOUND, IMAGE_UNSUPPORTED, IMAGE_TRUNCATED, IMAGE_INVALID, IMAGE_EMPTY
 */
export async function readImage(path: string, options: ReadImageOptions = {}): Promise<Image> {
  return readers[imageFormatOf(path)](path, options);
}

/**
 * Reads an image as `readImage` does, but gives the voxels of a NIfTI file while they arrive, without keeping them, which takes a
 * fraction of the memory and less time. Images of other formats come as one block.
 *
 * @param begin gets what comes before the voxels, and returns what takes them
 * @returns the same, with the number of voxels that are 0 in place of NaN
 */
export async function readImageInBlocks(
  path: string,
  options: ReadImageOptions,
  begin: (head: ImageHead) => BlockSink,
): Promise<ImageHead> {
  if (imageFormatOf(path) === "nifti") return readNiftiInBlocks(path, options, begin);
  const { voxels, ...head } = await readImage(path, options);
  begin(head)(voxels, 0);
  return head;
}

/** Reads what comes before the voxels of an image. Files of other formats than NIfTI are read to their end. */
export async function readImageHead(path: string, options: ReadImageOptions): Promise<ImageHead> {
  if (imageFormatOf(path) === "nifti") return readNiftiHead(path, options);
  const { voxels: _, ...head } = await readImage(path, options);
  return head;
}
