import type { ImagingPool } from "../kernels.js";
import { splitRange } from "../threads/split-range.js";
import { voxelCount } from "../volume/axes.js";
import type { Geometry } from "../volume/geometry.js";
import { indexMapOf, isSameGrid } from "../volume/index-map.js";
import type { LabelMap } from "../volume/label-map.js";

export interface LabelsOnGrid {
  readonly labelMap: LabelMap;
  /** The number of voxels of the grid that are inside of the given labels; the others are 0. */
  readonly inside: number;
}

/**
 * Puts a segmentation on another grid by the places in the patient, as SimpleITK does with `sitkLabelLinear`. The same
 * labels are returned if the grids are the same.
 */
export async function putLabelsOnGrid(
  { voxels: labels, geometry: from }: LabelMap,
  to: Geometry,
  pool: ImagingPool,
): Promise<LabelsOnGrid> {
  const indexMap = indexMapOf(to, from);
  if (isSameGrid(from, to, indexMap))
    return { labelMap: { voxels: labels, geometry: to }, inside: labels.length };
  const buffer = new SharedArrayBuffer(voxelCount(to.sizeZyx) * labels.BYTES_PER_ELEMENT);
  const output = labels instanceof Uint8Array ? new Uint8Array(buffer) : new Uint16Array(buffer);
  const task = { labels, fromSizeZyx: from.sizeZyx, output, toSizeZyx: to.sizeZyx, indexMap };
  const counts = await Promise.all(
    splitRange(to.sizeZyx[0], pool.size).map((slices) => pool.run("sampleLabels", { ...task, slices })),
  );
  return {
    labelMap: { voxels: output, geometry: to },
    inside: counts.reduce((sum, count) => sum + count, 0),
  };
}
