import { ProcessorError } from "../errors.js";
import type { Resampling } from "../model/manifest.js";
import { splitRange, type WorkerPool } from "../parallel/worker-pool.js";
import { voxelCount, type Zyx } from "../volume/axes.js";
import { separateAxis } from "./separate-axis.js";

type FloatArray = Float32Array<SharedArrayBuffer> | Float64Array<SharedArrayBuffer>;

export interface ResampleOptions {
  readonly rule: Resampling;
  readonly fromSizeZyx: Zyx;
  readonly toSizeZyx: Zyx;
  readonly fromSpacingMmZyx: Zyx;
  readonly toSpacingMmZyx: Zyx;
  readonly pool: WorkerPool;
}

interface AxisPass {
  readonly axis: 0 | 1 | 2;
  readonly order: number;
}

/**
 * Resamples one volume as nnU-Net does: skimage's `resize` (half-pixel coordinates, edge padding, clipped to the input's
 * range), the anisotropic axis apart and by `orderZ`. Equal sizes are returned untouched, whatever the spacing.
 *
 * The spline is separable: each axis is filtered and evaluated in one pass, the one that shrinks most first.
 *
 * @param values `z × y × x`; left as it was
 */
export async function resampleVolume<Values extends FloatArray>(
  values: Values,
  options: ResampleOptions,
): Promise<Values> {
  const { rule, fromSizeZyx, toSizeZyx, pool } = options;
  if (rule.method === "none" || sameSize(fromSizeZyx, toSizeZyx)) return values;
  const apart = separateAxis({
    forceSeparateZ: rule.forceSeparateZ,
    currentSpacingMmZyx: options.fromSpacingMmZyx,
    newSpacingMmZyx: options.toSpacingMmZyx,
  });
  // resample_torch_* is linear; its anisotropic axis is taken from the nearest slice.
  const order = rule.method === "torch" ? 1 : rule.order;
  const orderApart = rule.method === "torch" ? 0 : rule.orderZ;
  for (const used of [order, orderApart]) {
    if (![0, 1, 3].includes(used))
      throw new ProcessorError("PLANS_UNSUPPORTED", `resampling of order ${used}; known are 0, 1, 3`);
  }
  const together = ([0, 1, 2] as const)
    .filter((axis) => axis !== apart && fromSizeZyx[axis] !== toSizeZyx[axis])
    .map((axis): AxisPass => ({ axis, order }))
    .sort((a, b) => toSizeZyx[a.axis] / fromSizeZyx[a.axis] - toSizeZyx[b.axis] / fromSizeZyx[b.axis]);

  let current: FloatArray = values;
  let size: Zyx = fromSizeZyx;
  const run = async (pass: AxisPass): Promise<void> => {
    const next = replaced(size, pass.axis, toSizeZyx[pass.axis]);
    current = await resampleOneAxis(current, { pass, size, next, pool });
    size = next;
  };
  const range = order === 3 ? await measureRange(values, { size: fromSizeZyx, apart, pool }) : null;
  for (const pass of together) await run(pass);
  if (range !== null && together.length > 0) await clip(current, range, { size, apart, pool });
  if (apart !== null && fromSizeZyx[apart] !== toSizeZyx[apart])
    await run({ axis: apart, order: orderApart });
  return current as Values;
}

const sameSize = (a: Zyx, b: Zyx): boolean => a.every((size, axis) => size === b[axis]);

const replaced = (size: Zyx, axis: number, value: number): Zyx =>
  size.map((old, i) => (i === axis ? value : old)) as unknown as Zyx;

const innerSize = (size: Zyx, axis: number): number =>
  size.slice(axis + 1).reduce((product, n) => product * n, 1);

async function resampleOneAxis(
  input: FloatArray,
  {
    pass,
    size,
    next,
    pool,
  }: { readonly pass: AxisPass; readonly size: Zyx; readonly next: Zyx; readonly pool: WorkerPool },
): Promise<FloatArray> {
  const buffer = new SharedArrayBuffer(voxelCount(next) * input.BYTES_PER_ELEMENT);
  const output = input instanceof Float32Array ? new Float32Array(buffer) : new Float64Array(buffer);
  const lineCount = voxelCount(size) / size[pass.axis];
  const task = {
    ...{ input, output, from: size[pass.axis], to: next[pass.axis] },
    ...{ inner: innerSize(size, pass.axis), order: pass.order },
  };
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
  readonly pool: WorkerPool;
}

/** skimage clips every call by its own input: the whole volume, or each slice of the axis that goes apart. */
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
  pool: WorkerPool,
  run: (range: { readonly from: number; readonly to: number }) => Promise<void>,
): Promise<void> {
  await Promise.all(splitRange(groups, pool.size).map(run));
}
