import { basename } from "node:path";
import { labelsOf } from "../formats/read-label-map.js";
import type { ImagingPool } from "../kernels.js";
import { putLabelsOnGrid } from "../resampling/put-labels-on-grid.js";
import { putOnGrid } from "../resampling/put-on-grid.js";
import type { Image, VoxelArray } from "../volume/image.js";
import { haveSameGrid } from "../volume/index-map.js";
import { dicomError } from "./errors.js";

export interface AlignOptions {
  readonly pool: ImagingPool;
  /** Returns whether a channel, counted from 0, is put on the grid of the first one. */
  readonly isAligned: (channel: number) => boolean;
  readonly onWarning: (line: string) => void;
}

/**
 * Puts DICOM series on the grid of the first image, by their positions in the patient. Other images stay as they are,
 * because nnU-Net expects them on one grid, unless the caller wants them aligned, too.
 *
 * @param images the channels of one case; the voxels of series that are resampled are overwritten
 * @throws DICOM_SERIES_DO_NOT_OVERLAP
 */
export async function alignSeries(
  images: readonly Image[],
  { pool, isAligned, onWarning }: AlignOptions,
): Promise<readonly Image[]> {
  const [first, ...others] = images as [Image, ...Image[]];
  const aligned = [first];
  for (const [place, image] of others.entries()) {
    const isFile = image.source.format !== "dicom";
    if (!isAligned(place + 1) || (isFile && haveSameGrid(image.geometry, first.geometry))) {
      aligned.push(image);
      continue;
    }
    if (isFile && isMask(image)) {
      const labels = { voxels: labelsOf(image.voxels, image.source.path), geometry: image.geometry };
      const { labelMap } = await putLabelsOnGrid(labels, first.geometry, pool);
      aligned.push({ ...image, ...labelMap });
      continue;
    }
    const names = `${nameOf(image)} and ${nameOf(first)}`;
    const reference = frameOfReference(first);
    if (reference !== null && frameOfReference(image) !== reference)
      onWarning(`${names} have different frames of reference; their positions may not be comparable`);
    const { voxels, inside } = await putOnGrid(inSharedMemory(image.voxels), {
      from: image.geometry,
      to: first.geometry,
      pool,
    });
    if (inside === 0)
      throw dicomError("DICOM_SERIES_DO_NOT_OVERLAP", `${names} have no place in the patient in common`);
    aligned.push({ ...image, voxels, geometry: first.geometry });
  }
  return aligned;
}

const nameOf = ({ source }: Image): string => basename(source.path);

const frameOfReference = ({ source }: Image): string | null =>
  source.format === "dicom" ? source.series.frameOfReferenceUid : null;

/** The most labels that an image may have to count as a mask, as in nnunet_serve. */
const mostLabels = 50;

/** Returns whether the voxels of a file are few whole numbers, which must not be interpolated. */
function isMask({ components, voxels }: Image): boolean {
  if (components !== 1) return false;
  const values = new Set<number>();
  for (let i = 0; i < voxels.length; i++) {
    const value = Number(voxels[i]);
    if (!Number.isInteger(value) || value < 0 || value > 65535) return false;
    values.add(value);
    if (values.size >= mostLabels) return false;
  }
  return true;
}

function inSharedMemory(voxels: VoxelArray): Float32Array<SharedArrayBuffer> {
  if (voxels instanceof Float32Array && voxels.buffer instanceof SharedArrayBuffer)
    return voxels as Float32Array<SharedArrayBuffer>;
  const shared = new Float32Array(new SharedArrayBuffer(voxels.length * 4));
  for (let i = 0; i < voxels.length; i++) shared[i] = Number(voxels[i]);
  return shared;
}
