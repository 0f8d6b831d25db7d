import { type Axis, mapZyx, perAxis, permute, voxelCount, type Zyx } from "../../imaging/volume/axes.js";
import type { LogitStream } from "../inference/logit-slab.js";

/**
 * Returns, for each axis of one transposed order, its index in another; null if both orders are the same.
 *
 * @example axesBetween([0, 1, 2], [2, 0, 1]) // [2, 0, 1]
 */
export function axesBetween(from: Zyx, to: Zyx): Zyx | null {
  const order = mapZyx(to, (axis) => from.indexOf(axis));
  return order.every((axis, i) => axis === i) ? null : order;
}

/**
 * Returns the whole output in another axis order, as one slab. Models of one data set never need it, because their
 * plans agree.
 */
export async function permuteStream(stream: LogitStream, order: Zyx): Promise<LogitStream> {
  const { heads, kind } = stream;
  const sizeZyx = permute(stream.sizeZyx, order);
  const values = new Float32Array(new SharedArrayBuffer(heads * voxelCount(sizeZyx) * 4));
  const plane = sizeZyx[1] * sizeZyx[2];
  const strides = [heads * plane, sizeZyx[2], 1] as const;
  const [strideZ, strideY, strideX] = perAxis((axis) => strides[order.indexOf(axis) as Axis]);
  for await (const slab of stream.slabs) {
    let source = 0;
    for (let z = slab.zStart; z < slab.zStart + slab.sizeZyx[0]; z++) {
      for (let head = 0; head < heads; head++) {
        for (let y = 0; y < slab.sizeZyx[1]; y++) {
          let at = head * plane + z * strideZ + y * strideY;
          for (let x = 0; x < slab.sizeZyx[2]; x++, at += strideX) values[at] = slab.values[source++]!;
        }
      }
    }
  }
  async function* slabs() {
    yield { zStart: 0, sizeZyx, heads, kind, values };
  }
  return { heads, kind, sizeZyx, slabs: slabs() };
}
