import type { DicomSettings } from "../../contract/dicom-settings.js";
import type { Xyz } from "../volume/axes.js";
import type { DicomWarning } from "./dicom-series.js";
import { dicomError } from "./errors.js";
import { frameName, type ImageFrame } from "./image-frame.js";

/** An image at its place along the normal of the series. */
export interface PlacedFrame {
  readonly frame: ImageFrame;
  /** The distance from the origin along the normal. */
  readonly alongMm: number;
}

/** The largest deviation from a regular grid, relative to the step, that is rounding. */
const tolerance = 0.01;

export interface StepOptions extends DicomSettings {
  /** Receives a warning for what an option allowed. */
  readonly warnings: DicomWarning[];
}

/**
 * Returns the distance between slices along their normal.
 *
 * @param placed two or more slices in ascending order, all at different positions
 * @throws DICOM_GANTRY_TILT, DICOM_SLICE_GAP, DICOM_NONUNIFORM_SPACING
 */
export function stepsBetween(placed: readonly PlacedFrame[], normal: Xyz, options: StepOptions): number {
  const steps = placed.slice(1).map(({ alongMm }, i) => alongMm - placed[i]!.alongMm);
  const sorted = steps.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  const median = (sorted[Math.floor(half)]! + sorted[Math.ceil(half) - 1]!) / 2;
  checkTilt({ placed, steps, median }, normal, options);
  const [first, last] = [placed[0]!, placed[placed.length - 1]!];
  const mean = (last.alongMm - first.alongMm) / steps.length;
  const isRegular = placed.every(
    ({ alongMm }, i) => Math.abs(alongMm - first.alongMm - i * mean) <= tolerance * mean,
  );
  if (isRegular) return mean;
  const problem = irregularity({ placed, steps, median });
  if (options.irregularSlices !== "average") throw dicomError(problem.code, problem.message);
  options.warnings.push({
    code: "irregular-averaged",
    message: `${problem.message}; read with the mean step of ${shown(mean)} mm`,
  });
  return mean;
}

interface Steps {
  readonly placed: readonly PlacedFrame[];
  readonly steps: readonly number[];
  readonly median: number;
}

/** Checks whether positions move along the normal only, as they do without a tilted gantry. */
function checkTilt(
  { placed, steps, median }: Steps,
  normal: Xyz,
  { gantryTilt, warnings }: StepOptions,
): void {
  const shifts = steps.map((step, i) => {
    const [a, b] = [placed[i]!.frame.positionMm!, placed[i + 1]!.frame.positionMm!];
    return Math.hypot(...[0, 1, 2].map((axis) => b[axis]! - a[axis]! - step * normal[axis]!));
  });
  if (shifts.every((shift) => shift <= tolerance * median)) return;
  const steepest = shifts.reduce((most, shift, i) => Math.max(most, Math.atan2(shift, steps[i]!)), 0);
  const angle = (steepest * 180) / Math.PI;
  const message = `the slices are shifted against each other, as by a gantry tilted by ${angle.toFixed(1)}°`;
  if (gantryTilt !== "ignore") throw dicomError("DICOM_GANTRY_TILT", message);
  warnings.push({ code: "tilt-ignored", message: `${message}; stacked along their normal` });
}

/** Returns whether slices are missing from a regular grid, or the steps are uneven. */
function irregularity({ placed, steps, median }: Steps): {
  readonly code: "DICOM_SLICE_GAP" | "DICOM_NONUNIFORM_SPACING";
  readonly message: string;
} {
  const multiples = steps.map((step) => Math.round(step / median));
  const isGrid = steps.every(
    (step, i) => multiples[i]! >= 1 && Math.abs(step - multiples[i]! * median) <= tolerance * median,
  );
  const gap = multiples.findIndex((multiple) => multiple >= 2);
  if (isGrid && gap !== -1) {
    const missing = multiples.reduce((sum, multiple) => sum + multiple - 1, 0);
    const [before, after] = [placed[gap]!.frame, placed[gap + 1]!.frame];
    return {
      code: "DICOM_SLICE_GAP",
      message: `${missing} of ${placed.length + missing} slices ${missing === 1 ? "is" : "are"} missing, the first between ${frameName(before)} and ${frameName(after)}`,
    };
  }
  const sorted = steps.toSorted((a, b) => a - b);
  const [smallest, largest] = [sorted[0]!, sorted.at(-1)!];
  return {
    code: "DICOM_NONUNIFORM_SPACING",
    message: `the steps between slices are from ${shown(smallest)} mm to ${shown(largest)} mm`,
  };
}

const shown = (mm: number): string => String(Number(mm.toPrecision(6)));
