import type { ImagingPool } from "../kernels.js";
import { splitRange } from "../threads/split-range.js";
import { voxelCount } from "../volume/axes.js";
import { paddedSize, type ZoomTask } from "./zoom.js";

/** Resizes a volume on all threads; `zoom` says how. */
export async function zoomVolume(task: Omit<ZoomTask, "slices">, pool: ImagingPool): Promise<void> {
  const ready = task.order > 1 ? { ...task, input: await coefficientsOf(task, pool) } : task;
  await Promise.all(
    splitRange(task.to.sizeZyx[0], pool.size).map((slices) => pool.run("zoom", { ...ready, slices })),
  );
}

async function coefficientsOf(
  { input, from, order, cutsInput }: Omit<ZoomTask, "slices">,
  pool: ImagingPool,
): Promise<Float64Array<SharedArrayBuffer>> {
  const bytes = voxelCount(paddedSize(from.sizeZyx)) * Float64Array.BYTES_PER_ELEMENT;
  const coefficients = new Float64Array(new SharedArrayBuffer(bytes));
  await pool.run("fillCoefficients", { input, from, order, cutsInput, coefficients });
  return coefficients;
}
