import { imageError } from "../../imaging/errors.js";
import { readAnyLabelMap, readLabelMap } from "../../imaging/formats/read-label-map.js";
import { putLabelsOnGrid } from "../../imaging/resampling/put-labels-on-grid.js";
import type { Geometry } from "../../imaging/volume/geometry.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { MaskFile } from "../cases/case.js";
import type { RuntimePool } from "../threads/kernels.js";

/**
 * Reads a mask of an image. A mask on another grid, such as a segmentation of another series of the patient, is put on the
 * image's grid by its places in the patient, as nnunet_serve does. A flat image has no places, so its mask must have its size.
 *
 * @throws GEOMETRY_MISMATCH if they have no place in common; IMAGE_INVALID
 */
export async function readMask(
  { path, labels }: MaskFile,
  image: Geometry,
  pool: RuntimePool,
): Promise<LabelMap> {
  const mask = await readOnGrid(path, image, pool);
  if (labels === undefined) return mask;
  if (labels === "any")
    return { ...mask, voxels: Uint8Array.from(mask.voxels, (label) => (label > 0 ? 1 : 0)) };
  const wanted = new Set(labels);
  return { ...mask, voxels: Uint8Array.from(mask.voxels, (label) => (wanted.has(label) ? 1 : 0)) };
}

async function readOnGrid(path: string, image: Geometry, pool: RuntimePool): Promise<LabelMap> {
  if (image.dimensions === 2) return readLabelMap(path, image);
  const mask = await readAnyLabelMap(path, image.dimensions);
  const { labelMap, inside } = await putLabelsOnGrid(mask, image, pool);
  if (inside > 0) return labelMap;
  throw imageError("GEOMETRY_MISMATCH", `${path}: it and the image have no place in the patient in common`);
}
