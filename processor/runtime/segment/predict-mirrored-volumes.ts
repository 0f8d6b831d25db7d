import type { Zyx } from "../../imaging/volume/axes.js";
import type { LogitSlab, LogitStream } from "../inference/logit-slab.js";
import { type Flip, mirrorings } from "../inference/mirrorings.js";
import type { Prepared } from "../preprocess/prepared.js";

/**
 * Averages the logits of the volume and of its mirror images, as NVIDIA's nnU-Net does: it mirrors whole volumes, so the
 * windows of a mirror image lie elsewhere than those of the volume. Keeps the logits of the whole volume in memory.
 *
 * @param predict starts one run; the next one starts when all slabs of the one before have been read
 */
export function predictMirroredVolumes(
  prepared: Prepared,
  { heads, dimensions, mirrorAxes }: MirrorOptions,
  predict: (volume: Prepared, run: MirrorRun) => LogitStream,
): LogitStream {
  const { sizeZyx } = prepared;
  const flips = mirrorings(mirrorAxes, dimensions);
  async function* slabs(): AsyncGenerator<LogitSlab> {
    const [slices, rows, columns] = sizeZyx;
    const plane = rows * columns;
    const mean = new Float32Array(heads * slices * plane);
    for (const [i, flip] of flips.entries()) {
      const volume = flip.includes(true) ? { ...prepared, data: flipped(prepared, flip) } : prepared;
      const stream = predict(volume, { index: i, count: flips.length });
      for await (const slab of stream.slabs)
        addFlipped(mean, slab, { flip, sizeZyx, share: 1 / flips.length });
    }
    for (let z = 0; z < slices; z++) {
      const values = new Float32Array(new SharedArrayBuffer(heads * plane * 4));
      values.set(mean.subarray(z * heads * plane, (z + 1) * heads * plane));
      yield { zStart: z, sizeZyx: [1, rows, columns], heads, kind: "logits", values };
    }
  }
  return { heads, sizeZyx, kind: "logits", slabs: slabs() };
}

export interface MirrorOptions {
  readonly heads: number;
  readonly dimensions: 2 | 3;
  readonly mirrorAxes: readonly number[];
}

/** One of the runs, counted from 0. */
export interface MirrorRun {
  readonly index: number;
  readonly count: number;
}

function flipped({ data, channelCount, sizeZyx }: Prepared, flip: Flip): Float32Array<SharedArrayBuffer> {
  const [slices, rows, columns] = sizeZyx;
  const result = new Float32Array(new SharedArrayBuffer(data.byteLength));
  for (let channel = 0; channel < channelCount; channel++)
    for (let z = 0; z < slices; z++)
      for (let y = 0; y < rows; y++) {
        const from = ((channel * slices + z) * rows + y) * columns;
        const to =
          ((channel * slices + (flip[0] ? slices - 1 - z : z)) * rows + (flip[1] ? rows - 1 - y : y)) *
          columns;
        const row = result.subarray(to, to + columns);
        row.set(data.subarray(from, from + columns));
        if (flip[2]) row.reverse();
      }
  return result;
}

interface AddOptions {
  readonly flip: Flip;
  readonly sizeZyx: Zyx;
  readonly share: number;
}

/** @param mean `slice × head × y × x`, as slabs are */
function addFlipped(mean: Float32Array, slab: LogitSlab, { flip, sizeZyx, share }: AddOptions): void {
  const [slices, rows, columns] = sizeZyx;
  const { heads, zStart, values } = slab;
  for (let slice = 0; slice < slab.sizeZyx[0]; slice++) {
    const z = flip[0] ? slices - 1 - zStart - slice : zStart + slice;
    for (let head = 0; head < heads; head++)
      for (let y = 0; y < rows; y++) {
        const from = ((slice * heads + head) * rows + y) * columns;
        const to = ((z * heads + head) * rows + (flip[1] ? rows - 1 - y : y)) * columns;
        if (flip[2])
          for (let x = 0; x < columns; x++) mean[to + x]! += values[from + columns - 1 - x]! * share;
        else for (let x = 0; x < columns; x++) mean[to + x]! += values[from + x]! * share;
      }
  }
}
