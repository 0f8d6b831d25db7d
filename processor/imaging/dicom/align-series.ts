import { basename } from "node:path";
import type { ImagingPool } from "../kernels.js";
import { putOnGrid } from "../resampling/put-on-grid.js";
import type { Image } from "../volume/image.js";
import { dicomError } from "./errors.js";

export interface AlignOptions {
  readonly pool: ImagingPool;
  readonly onWarning: (line: string) => void;
}

/**
 * Puts DICOM series on the grid of the first image, by their positions in the patient. Other images stay as they are,
 * because nnU-Net expects them on one grid.
 *
 * @param images the channels of one case; the voxels of series that are resampled are overwritten
 * @throws DICOM_SERIES_DO_NOT_OVERLAP
 */
export async function alignSeries(
  images: readonly Image[],
  { pool, onWarning }: AlignOptions,
): Promise<readonly Image[]> {
  const [first, ...others] = images as [Image, ...Image[]];
  const aligned = [first];
  for (const image of others) {
    if (image.source.format !== "dicom") {
      aligned.push(image);
      continue;
    }
    const names = `${nameOf(image)} and ${nameOf(first)}`;
    const reference = frameOfReference(first);
    if (reference !== null && frameOfReference(image) !== reference)
      onWarning(`${names} have different frames of reference; their positions may not be comparable`);
    const { voxels, inside } = await putOnGrid(image.voxels as Float32Array<SharedArrayBuffer>, {
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
