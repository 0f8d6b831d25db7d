import type { PostProcessingStep } from "../../../processor/contract/manifest.js";
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

/** Returns a step of nnU-Net v2's post-processing, where voxels that share a corner are connected. */
export const stepOfV2 = (labels: readonly number[]): PostProcessingStep => ({
  labels,
  connectivity: 26,
  minimumMm3: null,
});

/** Returns a step of nnU-Net v1's post-processing, where voxels that share a face are connected. */
export const stepOfV1 = (labels: readonly number[]): PostProcessingStep => ({
  labels,
  connectivity: 6,
  minimumMm3: null,
});

/**
 * Returns a segmentation after nnU-Net's post-processing: in each step, all but the largest component of the union of some
 * labels become 0, one step after the other.
 *
 * @param path for messages
 */
export function withLargestComponents(
  image: Image,
  steps: readonly PostProcessingStep[],
  path: string,
): Image {
  const voxels = labelVoxels(image, path);
  const { sizeZyx, spacingMmZyx } = image.geometry;
  const voxelVolumeMm3 = spacingMmZyx.reduce((product, spacing) => product * spacing, 1);
  for (const { labels, connectivity, minimumMm3 } of steps)
    keepLargestComponent({
      voxels,
      sizeZyx,
      labels,
      connectivity,
      sparing: minimumMm3 === null ? null : { voxelVolumeMm3, minimumMm3 },
    });
  return { ...image, voxels };
}
