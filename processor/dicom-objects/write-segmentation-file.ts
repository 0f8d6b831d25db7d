import { dicomObjectError } from "./errors.js";
import { type SegmentationFacts, segmentationAttributes } from "./segmentation-attributes.js";
import { type PixelData, writeDicomFile } from "./write-dicom-file.js";

/**
 * Writes a segmentation with its pixels.
 *
 * @throws DICOM_OBJECT_TOO_LARGE, DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeSegmentationFile(
  path: string,
  facts: SegmentationFacts,
  pixelData: PixelData,
): Promise<void> {
  if (pixelData.byteLength >= 2 ** 32 - 2)
    throw dicomObjectError(
      "DICOM_OBJECT_TOO_LARGE",
      `${facts.frames.length} frames have ${pixelData.byteLength} bytes of pixels`,
    );
  const attributes = segmentationAttributes(facts);
  await writeDicomFile(path, { attributes, pixelData }, "explicit-little-endian");
}
