import type { AxisTable } from "../../../imaging/resampling/axis-table.js";
import type { Zyx } from "../../../imaging/volume/axes.js";

export interface BlendVoxelsTask {
  readonly input: Float32Array;
  readonly fromSizeZyx: Zyx;
  readonly tables: Zyx<AxisTable>;
  readonly output: Float32Array;
  /** The slices of the output that this call computes. */
  readonly range: { readonly from: number; readonly to: number };
}

/** Blends each output voxel from its eight neighbours. */
export function blendVoxels({ input, fromSizeZyx, tables, output, range }: BlendVoxelsTask): void {
  const [slices, rows, columns] = tables;
  const [, height, width] = fromSizeZyx;
  const rowCount = rows.lower.length;
  const columnCount = columns.lower.length;
  for (let z = range.from; z < range.to; z++) {
    const near = slices.lower[z]! * height;
    const far = slices.upper[z]! * height;
    const wz = slices.weight[z]!;
    for (let y = 0; y < rowCount; y++) {
      const a = (near + rows.lower[y]!) * width;
      const b = (near + rows.upper[y]!) * width;
      const c = (far + rows.lower[y]!) * width;
      const d = (far + rows.upper[y]!) * width;
      const wy = rows.weight[y]!;
      let to = (z * rowCount + y) * columnCount;
      for (let x = 0; x < columnCount; x++, to++) {
        const x0 = columns.lower[x]!;
        const x1 = columns.upper[x]!;
        const wx = columns.weight[x]!;
        const nearUpper = input[a + x0]! * (1 - wx) + input[a + x1]! * wx;
        const nearLower = input[b + x0]! * (1 - wx) + input[b + x1]! * wx;
        const farUpper = input[c + x0]! * (1 - wx) + input[c + x1]! * wx;
        const farLower = input[d + x0]! * (1 - wx) + input[d + x1]! * wx;
        output[to] =
          (nearUpper * (1 - wy) + nearLower * wy) * (1 - wz) + (farUpper * (1 - wy) + farLower * wy) * wz;
      }
    }
  }
}

export interface ForegroundTask {
  /** `channel × z × y × x` */
  readonly channels: Float32Array;
  readonly channelCount: number;
  readonly sizeZyx: Zyx;
  readonly above: number;
}

/** Returns the half-open box of the voxels above a value in any channel; null if there are none. */
export function foregroundBox({
  channels,
  channelCount,
  sizeZyx,
  above,
}: ForegroundTask): Zyx<readonly [from: number, to: number]> | null {
  const [slices, rows, columns] = sizeZyx;
  const first = [slices, rows, columns];
  const last = [-1, -1, -1];
  let i = 0;
  for (let channel = 0; channel < channelCount; channel++)
    for (let z = 0; z < slices; z++)
      for (let y = 0; y < rows; y++)
        for (let x = 0; x < columns; x++, i++) {
          if (!(channels[i]! > above)) continue;
          if (z < first[0]!) first[0] = z;
          if (z > last[0]!) last[0] = z;
          if (y < first[1]!) first[1] = y;
          if (y > last[1]!) last[1] = y;
          if (x < first[2]!) first[2] = x;
          if (x > last[2]!) last[2] = x;
        }
  if (last[0]! < 0) return null;
  return [
    [first[0]!, last[0]! + 1],
    [first[1]!, last[1]! + 1],
    [first[2]!, last[2]! + 1],
  ];
}

export interface CropVoxelsTask {
  readonly input: Float32Array;
  readonly sizeZyx: Zyx;
  /** May reach outside, where the output is 0. */
  readonly box: Zyx<readonly [from: number, to: number]>;
  readonly output: Float32Array;
}

export function cropVoxels({ input, sizeZyx, box, output }: CropVoxelsTask): void {
  const [slices, rows, columns] = sizeZyx;
  const [[z0, z1], [y0, y1], [x0, x1]] = box;
  const from = Math.max(x0, 0);
  const to = Math.min(x1, columns);
  for (let z = Math.max(z0, 0); z < Math.min(z1, slices); z++)
    for (let y = Math.max(y0, 0); y < Math.min(y1, rows); y++) {
      const source = (z * rows + y) * columns;
      const target = ((z - z0) * (y1 - y0) + (y - y0)) * (x1 - x0) + (from - x0);
      output.set(input.subarray(source + from, source + to), target);
    }
}
