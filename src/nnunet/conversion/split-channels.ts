import { join } from "node:path";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import { writeImage } from "../../../processor/imaging/formats/write-image.js";
import { voxelCount } from "../../../processor/imaging/volume/axes.js";
import type { Image } from "../../../processor/imaging/volume/image.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { copyInto } from "./build-folder.js";

const channelSuffix = (channel: number): string => `_${String(channel).padStart(4, "0")}`;

/**
 * Writes an image of the Decathlon as `<case>_0000.nii.gz`, or one file for each volume of a 4-D image. A 3-D file is copied as it is; the
 * volumes of a 4-D file keep their type and geometry. An image with colours is copied too, as by nnU-Net.
 *
 * @throws DATASET_INVALID for a 2-D image, and errors of images
 */
export async function splitChannels(source: string, folder: string, caseId: string): Promise<void> {
  const image = await readImage(source);
  if (image.geometry.dimensions === 2)
    throw nnunetError(
      "DATASET_INVALID",
      `${source} has two axes, but an image of the Decathlon has three or four`,
    );
  const isCopied = image.components === 1 || image.areVectors === true;
  if (isCopied && image.source.format === "nifti" && source.endsWith(".nii.gz"))
    return copyInto(folder, source, `${caseId}${channelSuffix(0)}.nii.gz`);
  // nnU-Net makes new images of the volumes, whose header does not repeat the file's own forms of the geometry.
  const { source: file } = image;
  const fresh = file.format === "nifti" ? { ...image, source: { ...file, nifti: null } } : image;
  await writeChannels(fresh, folder, caseId);
}

/** Writes each component of an image as a NIfTI file of its own. */
async function writeChannels(image: Image, folder: string, caseId: string): Promise<void> {
  const count = voxelCount(image.geometry.sizeZyx);
  for (let channel = 0; channel < image.components; channel++) {
    const voxels = image.voxels.slice(channel * count, (channel + 1) * count) as Image["voxels"];
    await writeImage(
      { ...image, components: 1, voxels },
      join(folder, `${caseId}${channelSuffix(channel)}.nii.gz`),
    );
  }
}
