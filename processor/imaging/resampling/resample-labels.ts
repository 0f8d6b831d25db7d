import { type Range, splitRange } from "../threads/split-range.js";
import { mapZyx, voxelCount, type Zyx } from "../volume/axes.js";
import { type AxisRule, axisRules } from "./axis-rule.js";
import type { ResampleOptions, ResizeOptions } from "./resample-volume.js";
import { resizeLabelsBySpline } from "./resize-labels-by-spline.js";
import { separateAxis } from "./separate-axis.js";

type Labels = Int16Array<SharedArrayBuffer>;

/**
 * Resamples a label map by nnU-Net's rule for segmentations. In the plane (or in 3-D), the label with the largest
 * interpolated indicator wins. Along a separate axis, the nearest slice wins or, with an `orderZ`, the label whose
 * indicator is above one half.
 *
 * @param labels `z × y × x`; −1 stands for "outside the image's non-zero region" and is a label of its own
 */
export function resampleLabels(labels: Labels, options: ResampleOptions): Promise<Labels> {
  const apart = separateAxis({
    rule: options.rule,
    currentSpacingMmZyx: options.fromSpacingMmZyx,
    newSpacingMmZyx: options.toSpacingMmZyx,
  });
  return resizeLabels(labels, { ...options, apart });
}

/** Does the same as `resampleLabels` if the separate axis is known. */
export async function resizeLabels(labels: Labels, options: ResizeOptions): Promise<Labels> {
  const { rule, fromSizeZyx, toSizeZyx, apart } = options;
  if (rule.method === "none" || isSame(fromSizeZyx, toSizeZyx)) return labels;
  const inPlane =
    apart === null
      ? toSizeZyx
      : mapZyx(toSizeZyx, (size, axis) => (axis === apart ? fromSizeZyx[apart] : size));
  const flat = await resizeInPlane(labels, { ...options, toSizeZyx: inPlane });
  return apart === null ? flat : resizeApart(flat, { ...options, fromSizeZyx: inPlane, apart });
}

const isSame = (a: Zyx, b: Zyx): boolean => a.every((size, axis) => size === b[axis]);

async function resizeInPlane(labels: Labels, options: ResizeOptions): Promise<Labels> {
  const { rule, fromSizeZyx, toSizeZyx, apart, pool } = options;
  if (isSame(fromSizeZyx, toSizeZyx)) return labels;
  if (rule.method === "torch") {
    return onGrid(options, (output, slices) =>
      pool.run("resampleLabelGridTorch", { input: labels, output, fromSizeZyx, toSizeZyx, apart, slices }),
    );
  }
  if (rule.order > 1) return resizeLabelsBySpline(labels, { ...options, election: "largest" });
  const { order } = rule;
  return vote(labels, options, axisRules({ rule: { ...rule, orderZ: order }, apart, toSizeZyx }));
}

async function resizeApart(
  labels: Labels,
  options: ResizeOptions & { readonly apart: 0 | 1 | 2 },
): Promise<Labels> {
  const { rule, fromSizeZyx, toSizeZyx, apart } = options;
  if (isSame(fromSizeZyx, toSizeZyx)) return labels;
  if (rule.method !== "torch" && rule.orderZ > 0)
    return resizeLabelsBySpline(labels, { ...options, election: "majority" });
  // The other two axes keep their size, so every rule takes the sample itself.
  const nearest = axisRules({ rule, apart, toSizeZyx })[apart];
  return vote(labels, options, [nearest, nearest, nearest]);
}

function vote(input: Labels, options: ResizeOptions, rulesZyx: Zyx<AxisRule>): Promise<Labels> {
  const { fromSizeZyx, toSizeZyx, pool } = options;
  return onGrid(options, (output, slices) =>
    pool.run("resampleLabelGrid", { input, output, fromSizeZyx, toSizeZyx, rulesZyx, slices }),
  );
}

async function onGrid(
  { toSizeZyx, pool }: ResizeOptions,
  fill: (output: Labels, slices: Range) => Promise<void>,
): Promise<Labels> {
  const output = new Int16Array(new SharedArrayBuffer(voxelCount(toSizeZyx) * 2));
  await Promise.all(splitRange(toSizeZyx[0], pool.size).map((slices) => fill(output, slices)));
  return output;
}
