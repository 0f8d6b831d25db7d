import type { Resampling } from "../../contract/manifest.js";
import type { Zyx } from "../volume/axes.js";

/** nnU-Net's ANISO_THRESHOLD. */
export const defaultAnisotropyThreshold = 3;

export interface SeparateAxisQuestion {
  readonly rule: Pick<Resampling, "forceSeparateZ" | "anisotropyThreshold">;
  /** Of the grid that is resampled; asked first. */
  readonly currentSpacingMmZyx: Zyx;
  readonly newSpacingMmZyx: Zyx;
}

/**
 * The axis that is resampled apart from the other two, or null when all three go together: the one with the largest
 * spacing where this is more than the rule's threshold times the smallest. Two or three axes that tie are never separated
 * (nnU-Net's `determine_do_sep_z_and_axis`).
 */
export function separateAxis(question: SeparateAxisQuestion): 0 | 1 | 2 | null {
  const { rule, currentSpacingMmZyx, newSpacingMmZyx } = question;
  const { forceSeparateZ, anisotropyThreshold } = rule;
  if (forceSeparateZ === false) return null;
  if (forceSeparateZ === true || isAnisotropic(currentSpacingMmZyx, anisotropyThreshold))
    return lowResolutionAxis(currentSpacingMmZyx);
  return isAnisotropic(newSpacingMmZyx, anisotropyThreshold) ? lowResolutionAxis(newSpacingMmZyx) : null;
}

export interface ExportAxisQuestionV1 {
  readonly rule: Pick<Resampling, "forceSeparateZ" | "anisotropyThreshold">;
  /** Both in transposed order. */
  readonly originalSpacingMmZyx: Zyx;
  readonly networkSpacingMmZyx: Zyx;
  readonly transposeForward: Zyx;
}

/**
 * The same for v1's export (`save_segmentation_nifti_from_softmax`), in transposed order: the image's own spacing is asked
 * first. When the network's decides, v1 counts its axes in transposed order, but takes that number for an axis of data
 * that are transposed back already.
 */
export function separateExportAxisV1(question: ExportAxisQuestionV1): 0 | 1 | 2 | null {
  const { rule, originalSpacingMmZyx, networkSpacingMmZyx, transposeForward } = question;
  const { forceSeparateZ, anisotropyThreshold } = rule;
  if (forceSeparateZ === false) return null;
  if (forceSeparateZ === true || isAnisotropic(originalSpacingMmZyx, anisotropyThreshold))
    return lowResolutionAxis(originalSpacingMmZyx);
  if (!isAnisotropic(networkSpacingMmZyx, anisotropyThreshold)) return null;
  const axis = lowResolutionAxis(networkSpacingMmZyx);
  return axis === null ? null : (transposeForward.indexOf(axis) as 0 | 1 | 2);
}

const isAnisotropic = (spacing: Zyx, threshold: number = defaultAnisotropyThreshold): boolean =>
  Math.max(...spacing) / Math.min(...spacing) > threshold;

function lowResolutionAxis(spacing: Zyx): 0 | 1 | 2 | null {
  const largest = Math.max(...spacing);
  const axes = ([0, 1, 2] as const).filter((axis) => largest / spacing[axis] === 1);
  return axes.length === 1 ? axes[0]! : null;
}
