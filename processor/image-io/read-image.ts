import type { Image, ImageFormat } from "../volume/image.js";
import { imageFormatOf } from "./image-ending.js";
import { readMetaimage } from "./read-metaimage.js";
import { readNifti } from "./read-nifti.js";
import { readNrrd } from "./read-nrrd.js";
import { readPng } from "./read-png.js";

export interface ReadImageOptions {
  /** nibabel's rule for NIfTI orientation instead of ITK's; false when absent. */
  readonly preferSform?: boolean;
}

const readers: Readonly<Record<ImageFormat, (path: string, options: ReadImageOptions) => Promise<Image>>> = {
  nifti: readNifti,
  metaimage: readMetaimage,
  nrrd: readNrrd,
  png: readPng,
};

/**
 * Reads one image file of any known format.
 *
 * @throws INPUT_NOT_FOUND, IMAGE_UNSUPPORTED, IMAGE_TRUNCATED, IMAGE_INVALID, IMAGE_EMPTY
 */
export async function readImage(path: string, options: ReadImageOptions = {}): Promise<Image> {
  return readers[imageFormatOf(path)](path, options);
}
