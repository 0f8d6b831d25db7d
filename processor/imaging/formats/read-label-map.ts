import { imageError } from "../errors.js";
import type { Geometry } from "../volume/geometry.js";
import type { LabelMap } from "../volume/label-map.js";
import { readImage } from "./read-image.js";

/**
 * Reads a segmentation that must lie on a given grid, as a cascade's earlier stage leaves it.
 *
 * @throws GEOMETRY_MISMATCH when its size is another; IMAGE_INVALID when it holds no label map
 */
export async function readLabelMap(path: string, grid: Geometry): Promise<LabelMap> {
  // Three slices in a TIFF file are no colours here.
  const { voxels, geometry, components } = await readImage(
    path,
    grid.dimensions === 3 ? { imageReader: "Tiff3DIO" } : {},
  );
  const shown = (sizes: readonly number[]) => sizes.join(" × ");
  if (components !== 1 || geometry.sizeZyx.some((size, axis) => size !== grid.sizeZyx[axis])) {
    throw imageError(
      "GEOMETRY_MISMATCH",
      `${path}: size ${shown(geometry.sizeZyx)} (z × y × x), the image has ${shown(grid.sizeZyx)}`,
    );
  }
  let largest = 0;
  for (let i = 0; i < voxels.length; i++) {
    const label = Number(voxels[i]);
    if (!Number.isInteger(label) || label < 0 || label > 65535) {
      throw imageError("IMAGE_INVALID", `${path}: voxel ${i} holds ${label}, which is no label`);
    }
    if (label > largest) largest = label;
  }
  const buffer = new SharedArrayBuffer(voxels.length * (largest < 256 ? 1 : 2));
  const labels = largest < 256 ? new Uint8Array(buffer) : new Uint16Array(buffer);
  for (let i = 0; i < voxels.length; i++) labels[i] = Number(voxels[i]);
  return { voxels: labels, geometry };
}
