import type { Zyx } from "../../../imaging/volume/axes.js";

/**
 * Returns the half-open box of the voxels in the slices `range` that are above 0 in at least one channel; null if there
 * are none. NVIDIA's preprocessing crops to them, also in CT.
 *
 * @param task.channels `channel × z × y × x`
 */
export function positiveExtent(task: {
  readonly channels: Float32Array;
  readonly channelCount: number;
  readonly sizeZyx: Zyx;
  readonly range: { readonly from: number; readonly to: number };
}): Zyx<readonly [from: number, to: number]> | null {
  const { channels, channelCount, sizeZyx, range } = task;
  const [slices, rows, columns] = sizeZyx;
  const first = [slices, rows, columns];
  const last = [-1, -1, -1];
  for (let channel = 0; channel < channelCount; channel++)
    for (let z = range.from; z < range.to; z++)
      for (let y = 0; y < rows; y++) {
        const start = ((channel * slices + z) * rows + y) * columns;
        let x = 0;
        while (x < columns && !(channels[start + x]! > 0)) x++;
        if (x === columns) continue;
        let end = columns - 1;
        while (!(channels[start + end]! > 0)) end--;
        if (z < first[0]!) first[0] = z;
        if (z > last[0]!) last[0] = z;
        if (y < first[1]!) first[1] = y;
        if (y > last[1]!) last[1] = y;
        if (x < first[2]!) first[2] = x;
        if (end > last[2]!) last[2] = end;
      }
  if (last[0]! < 0) return null;
  return [
    [first[0]!, last[0]! + 1],
    [first[1]!, last[1]! + 1],
    [first[2]!, last[2]! + 1],
  ];
}
