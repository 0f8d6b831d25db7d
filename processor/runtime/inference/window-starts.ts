import { roundHalfToEven } from "../../imaging/volume/round-half-to-even.js";

/**
 * Returns the starts of the windows along one axis: the first at 0, the last at `size - patch`, in even steps of at
 * most `patch * stepSize` (nnU-Net's `compute_steps_for_sliding_window`).
 *
 * @param size the number of voxels along the axis, at least `patch`
 * @example windowStarts(110, 64, 0.5) // [0, 23, 46]
 */
export function windowStarts(size: number, patch: number, stepSize: number): readonly number[] {
  const count = Math.ceil((size - patch) / (patch * stepSize)) + 1;
  const step = count > 1 ? (size - patch) / (count - 1) : 0;
  return Array.from({ length: count }, (_, i) => roundHalfToEven(i * step));
}
