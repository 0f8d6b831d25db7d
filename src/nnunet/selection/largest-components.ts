import { imageError } from "../../../processor/imaging/errors.js";
import type { Image } from "../../../processor/imaging/volume/image.js";
import { keepLargestComponent } from "../../../processor/runtime/postprocess/keep-largest-component.js";

/** The largest label that nnU-Net writes. */
const largestWritten = 65535;

/**
 * Returns a segmentation in the type that nnU-Net writes: uint8 if all labels are below 255, else uint16.
 *
 * @param path for the message
 * @throws IMAGE_INVALID for a voxel that is not a label
 */
export function labelVoxels({ voxels }: Pick<Image, "voxels">, path: string): Uint8Array | Uint16Array {
  let largest = 0;
  for (let i = 0; i < voxels.length; i++) {
    const label = Number(voxels[i]);
    if (!Number.isInteger(label) || label < 0 || label > largestWritten)
      throw imageError(
        "IMAGE_INVALID",
        `${path}: voxel ${i} is ${label}, but a label is a whole number from 0 to ${largestWritten}`,
      );
    if (label > largest) largest = label;
  }
  const labels = largest < 255 ? new Uint8Array(voxels.length) : new Uint16Array(voxels.length);
  for (let i = 0; i < voxels.length; i++) labels[i] = Number(voxels[i]);
  return labels;
}

/**
 * Returns a segmentation after nnU-Net v2's post-processing: for each list of labels, all but the largest component of
 * their union become 0, one list after the other.
 *
 * @param steps the labels of each step
 * @param path for messages
 */
export function withLargestComponents(
  image: Image,
  steps: readonly (readonly number[])[],
  path: string,
): Image {
  const voxels = labelVoxels(image, path);
  for (const labels of steps)
    keepLargestComponent({
      voxels,
      sizeZyx: image.geometry.sizeZyx,
      labels,
      connectivity: 26,
      sparing: null,
    });
  return { ...image, voxels };
}
