import { voxelCount } from "../volume/axes.js";
import { type ResampleOptions, resampleVolume } from "./resample-volume.js";

type Labels = Uint8Array<SharedArrayBuffer> | Uint16Array<SharedArrayBuffer>;

/**
 * Resamples a label map: each label's indicator is resized by the rule's order and painted where it reaches one half,
 * in ascending order, so that later labels win ties (batchgenerators' `resize_segmentation`).
 *
 * @param options.labels those to keep, ascending; all others become background
 */
export async function resampleLabels(
  labelVoxels: Labels,
  options: ResampleOptions & { readonly labels: readonly number[] },
): Promise<Labels> {
  const { fromSizeZyx, toSizeZyx, pool } = options;
  if (fromSizeZyx.every((size, axis) => size === toSizeZyx[axis]) || options.rule.method === "none")
    return labelVoxels;
  const buffer = new SharedArrayBuffer(voxelCount(toSizeZyx) * labelVoxels.BYTES_PER_ELEMENT);
  const result = labelVoxels instanceof Uint8Array ? new Uint8Array(buffer) : new Uint16Array(buffer);
  const indicator = new Float64Array(new SharedArrayBuffer(labelVoxels.length * 8));
  for (const label of options.labels) {
    await pool.run("labelIndicator", { labels: labelVoxels, label, indicator });
    const resized = await resampleVolume(indicator, options);
    await pool.run("paintLabel", { labels: result, label, indicator: resized });
  }
  return result;
}
