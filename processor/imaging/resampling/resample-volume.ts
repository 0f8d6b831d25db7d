import type { Resampling } from "../../contract/manifest.js";
import type { ImagingPool } from "../kernels.js";
import { splitRange } from "../threads/split-range.js";
import { mapZyx, voxelCount, type Zyx } from "../volume/axes.js";
import { type AxisRule, axisRules } from "./axis-rule.js";
import { separateAxis } from "./separate-axis.js";

type FloatArray = Float32Array<SharedArrayBuffer> | Float64Array<SharedArrayBuffer>;

export interface ResampleOptions {
  readonly rule: Resampling;
  readonly fromSizeZyx: Zyx;
  readonly toSizeZyx: Zyx;
  readonly fromSpacingMmZyx: Zyx;
  readonly toSpacingMmZyx: Zyx;
  readonly pool: ImagingPool;
}

/** The options of a resize whose separate axis is known. */
export interface ResizeOptions extends Pick<ResampleOptions, "rule" | "fromSizeZyx" | "toSizeZyx" | "pool"> {
  readonly apart: 0 | 1 | 2 | null;
}

/**
 * Resamples one volume as nnU-Net does with skimage's `resize` (half-pixel coordinates, edge padding, clipped to the
 * input's range). An anisotropic axis is resampled separately with `orderZ`. If the sizes are equal, the values are
 * returned unchanged, even if the spacings differ.
 *
 * The spline is separable, so each axis is filtered and evaluated in one pass. The axis that shrinks most comes first.
 *
 * @param values `z × y × x`; not changed
 */
export async function resampleVolume<Values extends FloatArray>(
  values: Values,
  options: ResampleOptions,
): Promise<Values> {
  const apart = separateAxis({
    rule: options.rule,
    currentSpacingMmZyx: options.fromSpacingMmZyx,
    newSpacingMmZyx: options.toSpacingMmZyx,
  });
  return resizeVolume(values, { ...options, apart });
}

/** @param values `z × y × x`; not changed */
export async function resizeVolume<Values extends FloatArray>(
  values: Values,
  { rule, fromSizeZyx, toSizeZyx, apart, pool }: ResizeOptions,
): Promise<Values> {
  if (rule.method === "none" || sameSize(fromSizeZyx, toSizeZyx)) return values;
  const rules = axisRules({ rule, apart, toSizeZyx });
  const together = ([0, 1, 2] as const)
    .filter((axis) => axis !== apart && fromSizeZyx[axis] !== toSizeZyx[axis])
    .sort((a, b) => toSizeZyx[a] / fromSizeZyx[a] - toSizeZyx[b] / fromSizeZyx[b]);

  let current: FloatArray = values;
  let size: Zyx = fromSizeZyx;
  const run = async (axis: 0 | 1 | 2): Promise<void> => {
    const next = replaced(size, axis, toSizeZyx[axis]);
    current = await resampleOneAxis(current, { axis, rule: rules[axis], size, next, pool });
    size = next;
  };
  const overshoots = rule.method === "spline" && rule.order > 1;
  const range = overshoots ? await measureRange(values, { size: fromSizeZyx, apart, pool }) : null;
  for (const axis of together) await run(axis);
  if (range !== null && together.length > 0) await clip(current, range, { size, apart, pool });
  if (apart !== null && fromSizeZyx[apart] !== toSizeZyx[apart]) await run(apart);
  return current as Values;
}

const sameSize = (a: Zyx, b: Zyx): boolean => a.every((size, axis) => size === b[axis]);

const replaced = (size: Zyx, axis: number, value: number): Zyx =>
  mapZyx(size, (old, i) => (i === axis ? value : old));

const innerSize = (size: Zyx, axis: number): number =>
  size.slice(axis + 1).reduce((product, n) => product * n, 1);

interface AxisPass {
  readonly axis: 0 | 1 | 2;
  readonly rule: AxisRule;
  readonly size: Zyx;
  readonly next: Zyx;
  readonly pool: ImagingPool;
}

async function resampleOneAxis(
  input: FloatArray,
  { axis, rule, size, next, pool }: AxisPass,
): Promise<FloatArray> {
  const buffer = new SharedArrayBuffer(voxelCount(next) * input.BYTES_PER_ELEMENT);
  const output = input instanceof Float32Array ? new Float32Array(buffer) : new Float64Array(buffer);
  const lineCount = voxelCount(size) / size[axis];
  const inner = innerSize(size, axis);
  const task = { input, output, from: size[axis], to: next[axis], inner, rule };
  await Promise.all(
    splitRange(lineCount, pool.size).map((lines) => pool.run("resampleAxis", { ...task, lines })),
  );
  return output;
}

interface ValueRange {
  readonly minimum: FloatArray;
  readonly maximum: FloatArray;
}

interface Grouping {
  readonly size: Zyx;
  readonly apart: 0 | 1 | 2 | null;
  readonly pool: ImagingPool;
}

/** skimage clips each call to the range of its own input: the whole volume, or each slice along the separate axis. */
const groupsOf = ({ size, apart }: Grouping) =>
  apart === null
    ? { groups: 1, inner: voxelCount(size) }
    : { groups: size[apart], inner: innerSize(size, apart) };

async function measureRange(values: FloatArray, grouping: Grouping): Promise<ValueRange> {
  const { groups, inner } = groupsOf(grouping);
  const bytes = groups * Float64Array.BYTES_PER_ELEMENT;
  const range = {
    minimum: new Float64Array(new SharedArrayBuffer(bytes)),
    maximum: new Float64Array(new SharedArrayBuffer(bytes)),
  };
  await overGroups(groups, grouping.pool, (part) =>
    grouping.pool.run("rangeOfGroups", { values, groups, inner, range: part, ...range }),
  );
  return range;
}

async function clip(values: FloatArray, range: ValueRange, grouping: Grouping): Promise<void> {
  const { groups, inner } = groupsOf(grouping);
  await overGroups(groups, grouping.pool, (part) =>
    grouping.pool.run("clipGroups", { values, groups, inner, range: part, ...range }),
  );
}

async function overGroups(
  groups: number,
  pool: ImagingPool,
  run: (range: { readonly from: number; readonly to: number }) => Promise<void>,
): Promise<void> {
  await Promise.all(splitRange(groups, pool.size).map(run));
}
