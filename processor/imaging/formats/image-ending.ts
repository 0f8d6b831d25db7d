import { imageError } from "../errors.js";
import type { ImageFormat } from "../volume/image.js";

/** Longest first, so that `.nii.gz` is not taken for `.gz`. */
const formats: readonly (readonly [ending: string, format: ImageFormat])[] = [
  [".nii.gz", "nifti"],
  [".nii", "nifti"],
  [".nrrd", "nrrd"],
  [".mha", "metaimage"],
  [".mhd", "metaimage"],
  [".png", "png"],
  [".bmp", "bmp"],
  [".tif", "tiff"],
  [".tiff", "tiff"],
  [".nhdr", "nrrd"],
  [".gipl.gz", "gipl"],
  [".gipl", "gipl"],
];

export const supportedEndings: readonly string[] = formats.map(([ending]) => ending);

/**
 * Returns the format that a file's ending stands for.
 *
 * @throws IMAGE_UNSUPPORTED if the ending is unknown
 */
export function imageFormatOf(path: string): ImageFormat {
  const found = formats.find(([ending]) => path.toLowerCase().endsWith(ending));
  if (found !== undefined) return found[1];
  throw imageError("IMAGE_UNSUPPORTED", `${path}: known endings are ${supportedEndings.join(", ")}`);
}

/** Splits `brain_0000.nii.gz` into `brain_0000` and `.nii.gz`; returns null if the ending is unknown. */
export function splitImageEnding(
  fileName: string,
): { readonly stem: string; readonly ending: string } | null {
  const found = formats.find(([ending]) => fileName.toLowerCase().endsWith(ending));
  if (found === undefined) return null;
  return { stem: fileName.slice(0, -found[0].length), ending: fileName.slice(-found[0].length) };
}

/** Returns the ending of a segmentation for an image with this ending. `.mhd` and `.nhdr` would need two files. */
export function oneFileEnding(ending: string): string {
  const lower = ending.toLowerCase();
  if (lower.endsWith(".mhd")) return ".mha";
  return lower.endsWith(".nhdr") ? ".nrrd" : ending;
}
