import { checkAlike } from "./check-alike.js";
import type { DataSet } from "./data-set.js";
import { numberOf, stringOf, uint16Of } from "./element-values.js";
import { dicomError } from "./errors.js";
import type { ImageFrame } from "./image-frame.js";
import { nativeBytes } from "./read-dicom-file.js";
import { tags } from "./tags.js";

/** The most bytes of a series' pixels. */
const largestBytes = 4 * 2 ** 30;

/**
 * Checks that every image of a series can be read, and that all of them have the same matrix, orientation, spacing and
 * frame of reference.
 *
 * @throws DICOM_UNSUPPORTED_SOP_CLASS, DICOM_UNSUPPORTED_TRANSFER_SYNTAX, DICOM_MOSAIC, DICOM_COLOUR_IMAGE,
 *   DICOM_UNSUPPORTED_PIXELS, DICOM_BROKEN_FILE, DICOM_TOO_LARGE, DICOM_NO_POSITION, DICOM_MIXED_…
 */
export function checkSeries(frames: readonly ImageFrame[]): void {
  for (const frame of frames) checkImage(frame);
  checkCount(frames);
  const bytes = frames.reduce(
    (sum, { rows, columns, file }) =>
      sum + (rows * columns * uint16Of(file.dataSet, tags.BitsAllocated)!) / 8,
    0,
  );
  if (bytes > largestBytes)
    throw dicomError(
      "DICOM_TOO_LARGE",
      `the pixels of the series have ${bytes} bytes; ${largestBytes} are allowed`,
    );
  checkAlike(frames);
}

function checkImage(frame: ImageFrame): void {
  const { file, kind, sopClassUid } = frame;
  const { dataSet, name, syntax, pixels } = file;
  if (syntax.codec === null)
    throw dicomError(
      "DICOM_UNSUPPORTED_TRANSFER_SYNTAX",
      `${name}: pixels in ${syntaxName(syntax.uid)} are not read`,
    );
  if (frame.imageType.some((word) => word.toUpperCase() === "MOSAIC"))
    throw dicomError("DICOM_MOSAIC", `${name}: its ImageType says MOSAIC: the slices are tiles of one image`);
  checkPixelDescription(frame);
  if (kind === "secondary-capture" && (frame.positionMm === null || frame.orientation === null))
    throw dicomError(
      "DICOM_UNSUPPORTED_SOP_CLASS",
      `${name}: images of SOP class ${sopClassUid} are read only with ImagePositionPatient and ImageOrientationPatient`,
    );
  if (pixels === null) throw dicomError("DICOM_BROKEN_FILE", `${name}: it has no pixels`);
  if (pixels.tag !== tags.PixelData)
    throw dicomError("DICOM_UNSUPPORTED_PIXELS", `${name}: its pixels are floating-point numbers`);
  const needed = nativeBytes(dataSet);
  if (
    syntax.codec === "none"
      ? pixels.length < needed || pixels.encapsulated !== null
      : pixels.encapsulated === null
  )
    throw dicomError(
      "DICOM_BROKEN_FILE",
      `${name}: its pixels have ${pixels.length} bytes, but ${needed} are announced`,
    );
  const frameBytes = needed / frameCount(dataSet);
  if (pixels.encapsulated !== null && frameBytes > alwaysAllowed && needed > pixels.length * largestRatio)
    throw dicomError(
      "DICOM_BROKEN_FILE",
      `${name}: its ${pixels.length} compressed bytes can't be pixels of ${needed} bytes`,
    );
}

/** Bytes that every compressed frame may have. Larger ones, which no scanner compresses so much, could fill the memory. */
const alwaysAllowed = 64 << 20;
const largestRatio = 200;

const frameCount = (dataSet: DataSet): number => numberOf(dataSet, tags.NumberOfFrames) ?? 1;

const syntaxName = (uid: string): string => (/^[0-9.]{1,64}$/.test(uid) ? uid : "an invalid transfer syntax");

/** Projections have no position, so each of them is a volume of its own. */
function checkCount(frames: readonly ImageFrame[]): void {
  const projection = frames.find(({ kind }) => kind === "projection");
  if (projection !== undefined && frames.length > 1)
    throw dicomError(
      "DICOM_NO_POSITION",
      `${projection.file.name} is one of ${frames.length} projection images of the series, which have no ImagePositionPatient`,
    );
}

function checkPixelDescription({ file: { dataSet, name }, rows, columns, kind }: ImageFrame): void {
  const samples = uint16Of(dataSet, tags.SamplesPerPixel) ?? 1;
  const photometric = stringOf(dataSet, tags.PhotometricInterpretation) ?? "MONOCHROME2";
  if (samples !== 1 || !photometric.startsWith("MONOCHROME"))
    throw dicomError(
      "DICOM_COLOUR_IMAGE",
      `${name}: its pixels have ${samples} samples (${/^[A-Z0-9_ ]{1,16}$/.test(photometric) ? photometric : "unknown"})`,
    );
  const bits = uint16Of(dataSet, tags.BitsAllocated);
  const stored = uint16Of(dataSet, tags.BitsStored) ?? bits;
  const high = uint16Of(dataSet, tags.HighBit) ?? (stored ?? 0) - 1;
  if (bits === null || rows === 0 || columns === 0)
    throw dicomError("DICOM_BROKEN_FILE", `${name}: Rows, Columns or BitsAllocated is missing or 0`);
  if (![8, 16, 32].includes(bits))
    throw dicomError("DICOM_UNSUPPORTED_PIXELS", `${name}: its pixels have ${bits} bits`);
  if (stored! < 1 || high >= bits || high - stored! + 1 < 0)
    throw dicomError(
      "DICOM_BROKEN_FILE",
      `${name}: bits ${high - stored! + 1} to ${high} of ${bits} can't be the pixels`,
    );
  if (dataSet.element(tags.ModalityLUTSequence) !== null)
    throw dicomError(
      "DICOM_UNSUPPORTED_PIXELS",
      `${name}: its values come from a table (ModalityLUTSequence)`,
    );
  const frames = frameCount(dataSet);
  if (kind !== "multi-frame" && frames > 1)
    throw dicomError("DICOM_NO_POSITION", `${name}: it has ${frames} frames without positions`);
}
