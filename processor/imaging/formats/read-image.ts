import type { Image, ImageFormat } from "../volume/image.js";
import { readBmp } from "./bmp/read-bmp.js";
import { readGipl } from "./gipl/read-gipl.js";
import { imageFormatOf } from "./image-ending.js";
import { readMetaimage } from "./metaimage/read-metaimage.js";
import { readNifti } from "./nifti/read-nifti.js";
import { readNrrd } from "./nrrd/read-nrrd.js";
import { readPng } from "./png/read-png.js";
import type { ReadImageOptions } from "./read-image-options.js";
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
