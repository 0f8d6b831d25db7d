import type { Resampling } from "../../contract/manifest.js";
import type { Axis, Zyx } from "../volume/axes.js";

/** nnU-Net's ANISO_THRESHOLD. */
export const defaultAnisotropyThreshold = 3;

export interface SeparateAxisQuestion {
  readonly rule: Pick<Resampling, "forceSeparateZ" | "anisotropyThreshold">;
  /** The spacing of the grid that is resampled; it is tested before the new spacing. */
  readonly currentSpacingMmZyx: Zyx;
  readonly newSpacingMmZyx: Zyx;
}

/**
 * Returns the axis that is resampled separately from the other two: the axis with the largest spacing, if this is more
 * than the rule's threshold times the smallest. It returns null if all three are resampled together. Two or three axes
 * that tie are never separated (nnU-Net's `determine_do_sep_z_and_axis`).
 */
export function separateAxis(question: SeparateAxisQuestion): Axis | null {
  const { rule, currentSpacingMmZyx, newSpacingMmZyx } = question;
  const { forceSeparateZ, anisotropyThreshold } = rule;
  if (forceSeparateZ === false) return null;
  if (forceSeparateZ === true || isAnisotropic(currentSpacingMmZyx, anisotropyThreshold))
    return lowResolutionAxis(currentSpacingMmZyx);
  return isAnisotropic(newSpacingMmZyx, anisotropyThreshold) ? lowResolutionAxis(newSpacingMmZyx) : null;
}

export interface ExportAxisQuestionV1 {
  readonly rule: Pick<Resampling, "forceSeparateZ" | "anisotropyThreshold">;
  /** Both spacings are in transposed order. */
  readonly originalSpacingMmZyx: Zyx;
  readonly networkSpacingMmZyx: Zyx;
  readonly transposeForward: Zyx;
}

/**
 * Returns the separate axis of v1's export (`save_segmentation_nifti_from_softmax`), in transposed order. The image's
 * own spacing is tested first. If the network's spacing decides, v1 finds the axis in transposed order, but applies its
 * number to data that are already transposed back.
 */
export function separateExportAxisV1(question: ExportAxisQuestionV1): Axis | null {
  const { rule, originalSpacingMmZyx, networkSpacingMmZyx, transposeForward } = question;
  const { forceSeparateZ, anisotropyThreshold } = rule;
  if (forceSeparateZ === false) return null;
  if (forceSeparateZ === true || isAnisotropic(originalSpacingMmZyx, anisotropyThreshold))
    return lowResolutionAxis(originalSpacingMmZyx);
  if (!isAnisotropic(networkSpacingMmZyx, anisotropyThreshold)) return null;
  const axis = lowResolutionAxis(networkSpacingMmZyx);
  return axis === null ? null : (transposeForward.indexOf(axis) as Axis);
}

const isAnisotropic = (spacing: Zyx, threshold: number = defaultAnisotropyThreshold): boolean =>
  Math.max(...spacing) / Math.min(...spacing) > threshold;

function lowResolutionAxis(spacing: Zyx): Axis | null {
  const largest = Math.max(...spacing);
  const axes = ([0, 1, 2] as const).filter((axis) => largest / spacing[axis] === 1);
  return axes.length === 1 ? axes[0]! : null;
}
