import type { Image, ImageFormat } from "../volume/image.js";
import { imageFormatOf } from "./image-ending.js";
import { readBmp } from "./read-bmp.js";
import { readGipl } from "./read-gipl.js";
import { readMetaimage } from "./read-metaimage.js";
import { readNifti } from "./read-nifti.js";
import { readNrrd } from "./read-nrrd.js";
import { readPng } from "./read-png.js";
import { readTiff } from "./read-tiff.js";

export interface ReadImageOptions {
  /** nibabel's rule for NIfTI orientation instead of ITK's; false when absent. */
  readonly preferSform?: boolean;
  /** nnU-Net's class that the model was trained with; it decides what the axes and the spacing of a TIFF file are. */
  readonly imageReader?: string;
}

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
