import { ProcessorError } from "../errors.js";
import { splitRange } from "../parallel/worker-pool.js";
import { voxelCount, type Zyx } from "../volume/axes.js";
import type { ResampleOptions } from "./resample-volume.js";
import { separateAxis } from "./separate-axis.js";

/**
 * Resamples a label map by nnU-Net's rule for segmentations: in-plane (or in 3-D) by the label with the largest
 * interpolated indicator, along an axis that goes apart by the nearest slice.
 *
 * @param labels `z × y × x`; −1 stands for "outside the image's non-zero region" and is a label of its own
 */
export async function resampleLabels(
  labels: Int16Array<SharedArrayBuffer>,
  options: ResampleOptions,
): Promise<Int16Array<SharedArrayBuffer>> {
  const { rule, fromSizeZyx, toSizeZyx } = options;
  if (rule.method === "none" || fromSizeZyx.every((size, axis) => size === toSizeZyx[axis])) return labels;
  const order = rule.method === "torch" ? 1 : rule.order;
  const orderApart = rule.method === "torch" ? 0 : rule.orderZ;
  const apart = separateAxis({
    forceSeparateZ: rule.forceSeparateZ,
    currentSpacingMmZyx: options.fromSpacingMmZyx,
    newSpacingMmZyx: options.toSpacingMmZyx,
  });
  if (order > 1 || (apart !== null && orderApart !== 0)) {
    throw new ProcessorError(
      "PLANS_UNSUPPORTED",
      `resampling of labels by order ${order} and ${orderApart} apart; known are 0 or 1, and 0`,
    );
  }
  if (apart === null) return resampleTo(labels, { ...options, orderZyx: [order, order, order] });
  const inPlane = toSizeZyx.map((size, axis) =>
    axis === apart ? fromSizeZyx[apart] : size,
  ) as unknown as Zyx;
  const flat = await resampleTo(labels, { ...options, toSizeZyx: inPlane, orderZyx: [order, order, order] });
  return resampleTo(flat, { ...options, fromSizeZyx: inPlane, orderZyx: [0, 0, 0] });
}

async function resampleTo(
  input: Int16Array<SharedArrayBuffer>,
  { fromSizeZyx, toSizeZyx, orderZyx, rule, pool }: ResampleOptions & { readonly orderZyx: Zyx },
): Promise<Int16Array<SharedArrayBuffer>> {
  const output = new Int16Array(new SharedArrayBuffer(voxelCount(toSizeZyx) * 2));
  const tieBreak = rule.method === "torch" ? "lowest" : "nearest";
  const task = { input, output, fromSizeZyx, toSizeZyx, orderZyx, tieBreak } as const;
  await Promise.all(
    splitRange(toSizeZyx[0], pool.size).map((slices) => pool.run("resampleLabelGrid", { ...task, slices })),
  );
  return output;
}
