import type { DicomSettings } from "../../contract/dicom-settings.js";
import type { Image } from "../volume/image.js";
import type { DicomWarning } from "./dicom-series.js";
import { readDicomSeries } from "./read-dicom-series.js";

export interface ReadDicomImage {
  readonly image: Image;
  readonly warnings: readonly DicomWarning[];
}

/**
 * Reads a DICOM series as an image like those of other formats.
 *
 * @throws DICOM_… (`dicomError`), INPUT_NOT_FOUND
 */
export async function readDicomImage(
  path: string,
  options: DicomSettings,
  signal: AbortSignal,
): Promise<ReadDicomImage> {
  const { voxels, geometry, warnings, ...series } = await readDicomSeries(path, options, signal);
  return { image: { voxels, geometry, components: 1, source: { format: "dicom", path, series } }, warnings };
}
