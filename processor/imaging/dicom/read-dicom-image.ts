import type { DicomSettings } from "../../contract/dicom-settings.js";
import type { Image } from "../volume/image.js";
import type { DicomWarning } from "./dicom-series.js";
import { readDicomSeries, readDicomSeriesAsStored } from "./read-dicom-series.js";

export interface ReadDicomImage {
  readonly image: Image;
  readonly warnings: readonly DicomWarning[];
}

/**
 * Reads a DICOM series as an image like those of other formats.
 *
 * @param read.asStored true for voxels of 16 bits if they can hold all values; others are in single precision
 * @throws DICOM_… (`dicomError`), INPUT_NOT_FOUND
 */
export async function readDicomImage(
  path: string,
  options: DicomSettings,
  { signal, asStored }: { readonly signal: AbortSignal; readonly asStored: boolean },
): Promise<ReadDicomImage> {
  const read = asStored ? readDicomSeriesAsStored : readDicomSeries;
  const { voxels, geometry, warnings, ...series } = await read(path, options, signal);
  return { image: { voxels, geometry, components: 1, source: { format: "dicom", path, series } }, warnings };
}
