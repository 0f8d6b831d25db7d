import type { DicomSettings } from "../../contract/dicom-settings.js";
import type { Xyz } from "../volume/axes.js";
import { type Geometry, identityDirection } from "../volume/geometry.js";
import type { DicomWarning } from "./dicom-series.js";
import { dicomError } from "./errors.js";
import { frameName, type ImageFrame } from "./image-frame.js";
import { pixelSpacingOf } from "./list-frames.js";
import { type PlacedFrame, stepsBetween } from "./slice-steps.js";
import { tags } from "./tags.js";

/** Slices in the order of the volume, and their grid. */
export interface SliceStack {
  /** Ascending along the normal of the slices. */
  readonly frames: readonly ImageFrame[];
  readonly geometry: Geometry;
  readonly warnings: readonly DicomWarning[];
}

/**
 * Returns the unit vectors of rows and columns and their normal. Cosines are often rounded, so they are normalised.
 *
 * @throws DICOM_BROKEN_FILE if rows and columns are not perpendicular, or not of length 1, within 0.01
 */
export function axesOf(frame: ImageFrame): readonly [rows: Xyz, columns: Xyz, normal: Xyz] {
  const [a, b, c, d, e, f] = frame.orientation as [number, number, number, number, number, number];
  const rows: Xyz = [a, b, c];
  const columns: Xyz = [d, e, f];
  const isUnit = (vector: Xyz): boolean => Math.abs(length(vector) - 1) <= 1e-2;
  if (!isUnit(rows) || !isUnit(columns) || Math.abs(dot(rows, columns)) > 1e-2)
    throw dicomError(
      "DICOM_BROKEN_FILE",
      `${frameName(frame)}: orientation not orthonormal: ImageOrientationPatient is ${frame.orientation!.join("\\")}`,
    );
  const [r, k] = [normalised(rows), normalised(columns)];
  return [r, k, normalised(cross(r, k))];
}

/** Sorts images along the normal of the first one. Numbers and names of the files do not count. */
export function sortAlongNormal(frames: readonly ImageFrame[]): readonly PlacedFrame[] {
  const [, , normal] = axesOf(frames[0]!);
  return frames
    .map((frame) => ({ frame, alongMm: dot(frame.positionMm!, normal) }))
    .sort((a, b) => a.alongMm - b.alongMm);
}

/**
 * Returns the grid of slices whose positions all differ (PS3.3, C.7.6.2).
 *
 * @throws DICOM_BROKEN_FILE, DICOM_SLICE_GAP, DICOM_NONUNIFORM_SPACING, DICOM_GANTRY_TILT
 */
export function stackSlices(unsorted: readonly ImageFrame[], options: DicomSettings): SliceStack {
  if (unsorted[0]!.kind === "projection") return flatStack(unsorted[0]!);
  const placed = sortAlongNormal(unsorted);
  const frames = placed.map(({ frame }) => frame);
  const [first] = frames as [ImageFrame];
  for (const frame of frames) axesOf(frame);
  const [r, k, n] = axesOf(first);
  const [rowStepMm, columnStepMm] = first.pixelSpacingMm!;
  const warnings: DicomWarning[] = [];
  const sliceStepMm =
    frames.length === 1 ? stepOfOneSlice(first) : stepsBetween(placed, n, { ...options, warnings });
  if (frames.length === 1)
    warnings.push({
      code: "single-slice",
      message: `the series has one slice; ${sliceStepMm} mm is taken as its thickness`,
    });
  return {
    frames,
    geometry: {
      sizeZyx: [frames.length, first.rows, first.columns],
      // The first number of PixelSpacing is the distance between rows.
      spacingMmZyx: [sliceStepMm, rowStepMm, columnStepMm],
      originMmXyz: first.positionMm!,
      directionXyz: [r[0], k[0], n[0], r[1], k[1], n[1], r[2], k[2], n[2]],
      dimensions: 3,
    },
    warnings,
  };
}

function stepOfOneSlice({ spacingBetweenSlicesMm, sliceThicknessMm }: ImageFrame): number {
  if (spacingBetweenSlicesMm !== null && spacingBetweenSlicesMm > 0) return spacingBetweenSlicesMm;
  return sliceThicknessMm !== null && sliceThicknessMm > 0 ? sliceThicknessMm : 1;
}

/** Places a projection image, which has no place in the patient, at the origin. */
function flatStack(frame: ImageFrame): SliceStack {
  const { dataSet } = frame.file;
  const spacing =
    frame.pixelSpacingMm ??
    pixelSpacingOf(dataSet, tags.ImagerPixelSpacing) ??
    pixelSpacingOf(dataSet, tags.NominalScannedPixelSpacing);
  if (spacing === null)
    throw dicomError(
      "DICOM_NO_PIXEL_SPACING",
      `${frameName(frame)} has no PixelSpacing, ImagerPixelSpacing or NominalScannedPixelSpacing greater than 0`,
    );
  const warnings: DicomWarning[] = [
    {
      code: "no-position",
      message: "a projection image has no position; its first pixel is placed at the origin",
    },
  ];
  if (frame.pixelSpacingMm === null)
    warnings.push({
      code: "detector-spacing",
      message: "the spacing is that of the detector, not of the patient",
    });
  return {
    frames: [frame],
    geometry: {
      sizeZyx: [1, frame.rows, frame.columns],
      spacingMmZyx: [1, spacing[0], spacing[1]],
      originMmXyz: [0, 0, 0],
      directionXyz: identityDirection,
      dimensions: 3,
    },
    warnings,
  };
}

export const dot = (a: Xyz, b: Xyz): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

const length = (vector: Xyz): number => Math.hypot(...vector);

const normalised = (vector: Xyz): Xyz => {
  const size = length(vector);
  return [vector[0] / size, vector[1] / size, vector[2] / size];
};

const cross = (a: Xyz, b: Xyz): Xyz => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
