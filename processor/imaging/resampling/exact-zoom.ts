import type { ImagingPool } from "../kernels.js";
import { type Range, splitRange } from "../threads/split-range.js";
import { voxelCount, type Zyx } from "../volume/axes.js";

/** The voxels by which scipy extends an image before it computes the coefficients of a spline. */
const padding = 12;

export interface ExactZoomOptions {
  readonly fromSizeZyx: Zyx;
  readonly toSizeZyx: Zyx;
  /** True to resize each slice by itself. */
  readonly isFlat: boolean;
  readonly pool: ImagingPool;
}

/**
 * Resizes a volume as skimage's `resize(order=3, mode="edge", clip=True)` does, bit for bit: the same float64 operations
 * in the same order as scipy's `zoom`. Where an image is 0, the rounding errors of those operations remain. A rule that
 * counts voxels other than 0 therefore depends on them.
 *
 * @param values `z × y × x`; not changed, and returned for equal sizes
 */
export async function exactZoom(
  values: Float32Array<SharedArrayBuffer>,
  { fromSizeZyx, toSizeZyx, isFlat, pool }: ExactZoomOptions,
): Promise<Float32Array<SharedArrayBuffer>> {
  const axes = isFlat ? ([1, 2] as const) : ([0, 1, 2] as const);
  if (axes.every((axis) => fromSizeZyx[axis] === toSizeZyx[axis])) return values;
  const margin: Zyx = [isFlat ? 0 : padding, padding, padding];
  const [z, y, x] = fromSizeZyx;
  const sizeZyx: Zyx = [z + 2 * margin[0], y + 2 * margin[1], x + 2 * margin[2]];
  const coefficients = new Float64Array(new SharedArrayBuffer(voxelCount(sizeZyx) * 8));
  await inParts(sizeZyx[0], pool, (slices) =>
    pool.run("padToDouble", { values, fromSizeZyx, coefficients, sizeZyx, margin, slices }),
  );
  for (const axis of axes)
    await inParts(voxelCount(sizeZyx) / sizeZyx[axis], pool, (lines) =>
      pool.run("exactSplineFilter", { coefficients, sizeZyx, axis, lines }),
    );
  const toSize: Zyx = isFlat ? [z, toSizeZyx[1], toSizeZyx[2]] : toSizeZyx;
  const output = new Float32Array(new SharedArrayBuffer(voxelCount(toSize) * 4));
  await inParts(toSize[0], pool, (slices) =>
    pool.run("exactSample", {
      coefficients,
      sizeZyx,
      fromSizeZyx,
      margin,
      output,
      toSizeZyx: toSize,
      isFlat,
      slices,
    }),
  );
  await clipToInput(values, output, { groups: isFlat ? z : 1, pool });
  return output;
}

async function inParts(
  count: number,
  pool: ImagingPool,
  run: (part: Range) => Promise<unknown>,
): Promise<void> {
  await Promise.all(splitRange(count, pool.size).map(run));
}

async function clipToInput(
  input: Float32Array,
  output: Float32Array,
  { groups, pool }: { readonly groups: number; readonly pool: ImagingPool },
): Promise<void> {
  const minimum = new Float64Array(new SharedArrayBuffer(groups * 8));
  const maximum = new Float64Array(new SharedArrayBuffer(groups * 8));
  const bounds = { groups, range: { from: 0, to: groups }, minimum, maximum };
  await pool.run("rangeOfGroups", {
    values: input as Float32Array<SharedArrayBuffer>,
    inner: input.length / groups,
    ...bounds,
  });
  await pool.run("clipGroups", {
    values: output as Float32Array<SharedArrayBuffer>,
    inner: output.length / groups,
    ...bounds,
  });
}
