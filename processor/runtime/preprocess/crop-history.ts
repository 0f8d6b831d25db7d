import type { InferencePlan } from "../../contract/manifest.js";
import { splitRange } from "../../imaging/threads/split-range.js";
import { mapZyx, perAxis, permute, withFirstAxis, type Zyx } from "../../imaging/volume/axes.js";
import type { CaseVolume } from "../../imaging/volume/case-volume.js";
import { roundHalfToEven } from "../../imaging/volume/round-half-to-even.js";
import type { PreprocessHistory } from "../../nnunet-files/preprocess-history.js";
import type { RuntimePool } from "../threads/kernels.js";

/** Finds the region of a case that is not zero, and describes how preprocessing crops and transposes the case. */
export async function historyOf(
  volume: CaseVolume,
  { plan, pool }: { readonly plan: InferencePlan; readonly pool: RuntimePool },
): Promise<PreprocessHistory> {
  const { geometry, channels, channelCount } = volume;
  const sizeZyx = geometry.sizeZyx;
  const extents = await Promise.all(
    splitRange(sizeZyx[0], pool.size).map((range) =>
      pool.run("nonzeroExtent", { channels, channelCount, sizeZyx, range }),
    ),
  );
  const cropBoxZyx = permute(unionOfBoxes(extents) ?? wholeBox(sizeZyx), plan.transposeForward);
  const originalSpacingMmZyx = permute(geometry.spacingMmZyx, plan.transposeForward);
  return {
    originalGeometry: geometry,
    sizeBeforeCroppingZyx: permute(sizeZyx, plan.transposeForward),
    cropBoxZyx,
    sizeAfterCroppingZyx: mapZyx(cropBoxZyx, ([from, to]) => to - from),
    originalSpacingMmZyx,
    networkSpacingMmZyx: withFirstAxis(plan.spacingMm, originalSpacingMmZyx[0]),
  };
}

/** A half-open box. */
export type Box = Zyx<readonly [from: number, to: number]>;

export const wholeBox = (sizeZyx: Zyx): Box => mapZyx(sizeZyx, (size) => [0, size] as const);

/** Returns the smallest box around all boxes; null if there are none. */
export function unionOfBoxes(boxes: readonly (Box | null)[]): Box | null {
  const present = boxes.filter((box) => box !== null);
  if (present.length === 0) return null;
  return perAxis((axis) => [
    Math.min(...present.map((box) => box[axis][0])),
    Math.max(...present.map((box) => box[axis][1])),
  ]);
}

/**
 * Returns the size on the network's grid as nnU-Net's `compute_new_shape` does, with Python's rounding of halves to
 * even. Data that are not resampled keep their size, even if their spacing differs.
 */
export function networkSize(history: PreprocessHistory, { resampleData }: InferencePlan): Zyx {
  if (resampleData.method === "none") return history.sizeAfterCroppingZyx;
  const { sizeAfterCroppingZyx, originalSpacingMmZyx, networkSpacingMmZyx } = history;
  return mapZyx(sizeAfterCroppingZyx, (size, axis) =>
    roundHalfToEven((originalSpacingMmZyx[axis] / networkSpacingMmZyx[axis]) * size),
  );
}
