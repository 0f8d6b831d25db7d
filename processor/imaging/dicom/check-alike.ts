import { dicomError } from "./errors.js";
import { frameName, type ImageFrame } from "./image-frame.js";

/**
 * Checks that the images of a series have one matrix size, orientation, pixel spacing and frame of reference, and that
 * each of them has a position.
 *
 * @throws DICOM_NO_POSITION, DICOM_NO_PIXEL_SPACING, DICOM_MIXED_SIZE, DICOM_MIXED_ORIENTATION, DICOM_MIXED_SPACING,
 *   DICOM_MIXED_FRAME_OF_REFERENCE
 */
export function checkAlike(frames: readonly ImageFrame[]): void {
  const sizes = group(frames, ({ rows, columns }) => [rows, columns], isEqual);
  if (sizes.length > 1)
    throw dicomError(
      "DICOM_MIXED_SIZE",
      mixedText(sizes, "rows × columns", ([a, b]) => `${a} × ${b}`),
    );
  const references = group(frames, ({ frameOfReferenceUid }) => [frameOfReferenceUid ?? "none"], isEqual);
  if (references.length > 1)
    throw dicomError(
      "DICOM_MIXED_FRAME_OF_REFERENCE",
      mixedText(references, "frames of reference", ([uid]) => `${uid}`),
    );
  if (frames.every(({ kind }) => kind === "projection")) return;
  for (const frame of frames) checkPlaced(frame);
  const orientations = group(frames, ({ orientation }) => orientation!, isWithinCosine);
  if (orientations.length > 1)
    throw dicomError(
      "DICOM_MIXED_ORIENTATION",
      mixedText(orientations, "orientations", (cosines) => cosines.join("\\")),
    );
  const spacings = group(frames, ({ pixelSpacingMm }) => pixelSpacingMm!, isWithinSpacing);
  if (spacings.length > 1)
    throw dicomError(
      "DICOM_MIXED_SPACING",
      mixedText(spacings, "pixel spacings", (mm) => `${mm.join(" × ")} mm`),
    );
}

function checkPlaced(frame: ImageFrame): void {
  if (frame.positionMm === null)
    throw dicomError("DICOM_NO_POSITION", `${frameName(frame)} has no ImagePositionPatient`);
  if (frame.orientation === null)
    throw dicomError("DICOM_NO_POSITION", `${frameName(frame)} has no ImageOrientationPatient`);
  if (frame.pixelSpacingMm === null)
    throw dicomError(
      "DICOM_NO_PIXEL_SPACING",
      `${frameName(frame)} has no PixelSpacing greater than 0; ImagerPixelSpacing is measured at the detector`,
    );
}

interface Group<T> {
  readonly value: readonly T[];
  readonly frames: ImageFrame[];
}

/** More groups than this are as wrong as this many. */
const mostGroups = 20;

/** Groups images whose values are the same, within the tolerance of `isSame`. */
function group<T>(
  frames: readonly ImageFrame[],
  read: (frame: ImageFrame) => readonly T[],
  isSame: (a: readonly T[], b: readonly T[]) => boolean,
): readonly Group<T>[] {
  const groups: Group<T>[] = [];
  for (const frame of frames) {
    const value = read(frame);
    const found = groups.find((other) => isSame(other.value, value));
    if (found !== undefined) found.frames.push(frame);
    else if (groups.length < mostGroups) groups.push({ value, frames: [frame] });
  }
  return groups;
}

const isEqual = <T>(a: readonly T[], b: readonly T[]): boolean => a.every((value, i) => value === b[i]);

const isWithinCosine = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((value, i) => Math.abs(value - b[i]!) <= 1e-3);

const isWithinSpacing = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((value, i) => Math.abs(value - b[i]!) <= 1e-4 * Math.abs(b[i]!));

/** Lists the values, the most frequent first, each with one of its images. */
function mixedText<T>(
  groups: readonly Group<T>[],
  what: string,
  show: (value: readonly T[]) => string,
): string {
  const values = groups
    .toSorted((a, b) => b.frames.length - a.frames.length)
    .slice(0, 5)
    .map(({ value, frames }) => `${show(value)} (${frameName(frames[0]!)}${frames.length > 1 ? ", …" : ""})`);
  return `the images have ${groups.length} ${what}: ${values.join(", ")}${groups.length > 5 ? ", …" : ""}`;
}
