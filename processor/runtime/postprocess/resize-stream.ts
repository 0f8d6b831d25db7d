import { resizeVolume } from "../../imaging/resampling/resample-volume.js";
import { voxelCount } from "../../imaging/volume/axes.js";
import type { LogitSlab, LogitStream } from "../inference/logit-slab.js";
import type { RuntimePool } from "../threads/kernels.js";
import { type ExportGrid, separateExportAxis } from "./export-grid.js";

/**
 * Resamples the whole output to the cropped image's grid by splines of order 2 to 5, one class after the other. Lower
 * orders do not need it, because they blend two neighbours, which the export does slab by slab. It needs memory for all
 * classes on the image's grid, as nnU-Net does.
 *
 * @returns the stream itself if the plans do not use such a spline
 */
export async function resizeStream(
  stream: LogitStream,
  grid: ExportGrid,
  pool: RuntimePool,
): Promise<LogitStream> {
  const { heads, kind } = stream;
  const rule = grid.plan.resampleProbabilities;
  const toSizeZyx = grid.history.sizeAfterCroppingZyx;
  const apart = separateExportAxis(grid);
  const needsSpline = rule.method === "spline" && (rule.order > 1 || (apart !== null && rule.orderZ > 1));
  const isSameGrid = stream.sizeZyx.every((size, axis) => size === toSizeZyx[axis]);
  if (!needsSpline || isSameGrid) return stream;
  const volumes = await gather(stream);
  for (const [head, volume] of volumes.entries())
    volumes[head] = await resizeVolume(volume, { rule, fromSizeZyx: stream.sizeZyx, toSizeZyx, apart, pool });
  const plane = toSizeZyx[1] * toSizeZyx[2];
  const slabSizeZyx = [1, toSizeZyx[1], toSizeZyx[2]] as const;
  async function* slabs(): AsyncGenerator<LogitSlab> {
    const values = new Float32Array(new SharedArrayBuffer(heads * plane * 4));
    for (let z = 0; z < toSizeZyx[0]; z++) {
      for (const [head, volume] of volumes.entries())
        values.set(volume.subarray(z * plane, (z + 1) * plane), head * plane);
      yield { zStart: z, sizeZyx: slabSizeZyx, heads, kind, values };
    }
  }
  return { heads, kind, sizeZyx: toSizeZyx, slabs: slabs() };
}

/** Reads the stream into one volume for each class. */
async function gather({ heads, sizeZyx, slabs }: LogitStream): Promise<Float32Array<SharedArrayBuffer>[]> {
  const bytes = voxelCount(sizeZyx) * 4;
  const volumes = Array.from({ length: heads }, () => new Float32Array(new SharedArrayBuffer(bytes)));
  const plane = sizeZyx[1] * sizeZyx[2];
  for await (const { zStart, sizeZyx: slabSizeZyx, values } of slabs) {
    for (let slice = 0; slice < slabSizeZyx[0]; slice++) {
      for (const [head, volume] of volumes.entries()) {
        const from = (slice * heads + head) * plane;
        volume.set(values.subarray(from, from + plane), (zStart + slice) * plane);
      }
    }
  }
  return volumes;
}
