import { imageError } from "../errors.js";
import type { Geometry } from "../volume/geometry.js";
import type { Image } from "../volume/image.js";
import type { LabelMap } from "../volume/label-map.js";
import { readImage } from "./read-image.js";

/**
 * Reads a segmentation, such as that of a cascade's earlier stage, which must have the given grid.
 *
 * @throws GEOMETRY_MISMATCH if its size is different; IMAGE_INVALID if a voxel is not a label
 */
export async function readLabelMap(path: string, grid: Geometry): Promise<LabelMap> {
  return labelMapOf(await readVoxels(path, grid.dimensions), path, grid);
}

/**
 * Returns an image as a segmentation, which must have the given grid.
 *
 * @throws GEOMETRY_MISMATCH if its size is different; IMAGE_INVALID if a voxel is not a label
 */
export function labelMapOf(
  { voxels, geometry, components }: Pick<Image, "voxels" | "geometry" | "components">,
  path: string,
  grid: Geometry,
): LabelMap {
  const shown = (sizes: readonly number[]) => sizes.join(" × ");
  if (components !== 1 || geometry.sizeZyx.some((size, axis) => size !== grid.sizeZyx[axis])) {
    throw imageError(
      "GEOMETRY_MISMATCH",
      `${path}: its size is ${shown(geometry.sizeZyx)} (z × y × x), but the image has ${shown(grid.sizeZyx)}`,
    );
  }
  return { voxels: labelsOf(voxels, path), geometry };
}

/**
 * Reads a segmentation on any grid.
 *
 * @throws IMAGE_INVALID if a voxel is not a label, or has several values
 */
export async function readAnyLabelMap(path: string, dimensions: Geometry["dimensions"]): Promise<LabelMap> {
  const { voxels, geometry, components } = await readVoxels(path, dimensions);
  if (components !== 1)
    throw imageError("IMAGE_INVALID", `${path}: each voxel has ${components} values, but a label is one`);
  return { voxels: labelsOf(voxels, path), geometry };
}

/** Tiff3DIO does not take three slices of a TIFF file for colours. */
const readVoxels = (path: string, dimensions: Geometry["dimensions"]): Promise<Image> =>
  readImage(path, dimensions === 3 ? { imageReader: "Tiff3DIO" } : {});

/**
 * Returns voxels as labels.
 *
 * @throws IMAGE_INVALID
 */
export function labelsOf(voxels: Image["voxels"], path: string): Uint8Array | Uint16Array {
  let largest = 0;
  for (let i = 0; i < voxels.length; i++) {
    const label = Number(voxels[i]);
    if (!Number.isInteger(label) || label < 0 || label > 65535) {
      throw imageError(
        "IMAGE_INVALID",
        `${path}: voxel ${i} is ${label}, but a label is a whole number from 0 to 65535`,
      );
    }
    if (label > largest) largest = label;
  }
  const buffer = new SharedArrayBuffer(voxels.length * (largest < 256 ? 1 : 2));
  const labels = largest < 256 ? new Uint8Array(buffer) : new Uint16Array(buffer);
  for (let i = 0; i < voxels.length; i++) labels[i] = Number(voxels[i]);
  return labels;
}
