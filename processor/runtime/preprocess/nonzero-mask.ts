import type { Zyx } from "../../imaging/volume/axes.js";
import { type Components, labelComponents } from "../../imaging/volume/connected-components.js";

type Extent = Zyx<readonly [from: number, to: number]>;

/**
 * Returns the half-open box of the voxels in the slices `range` that are not zero in at least one channel; null if
 * there are none.
 *
 * @param task.channels `channel × z × y × x`
 */
export function nonzeroExtent(task: {
  readonly channels: Float32Array;
  readonly channelCount: number;
  readonly sizeZyx: Zyx;
  readonly range: { readonly from: number; readonly to: number };
}): Extent | null {
  const [slices, rows, columns] = task.sizeZyx;
  let zMin = -1;
  let zMax = -1;
  let yMin = rows;
  let yMax = -1;
  let xMin = columns;
  let xMax = -1;
  for (let channel = 0; channel < task.channelCount; channel++) {
    for (let z = task.range.from; z < task.range.to; z++) {
      for (let y = 0; y < rows; y++) {
        const start = ((channel * slices + z) * rows + y) * columns;
        const first = firstNonzero(task.channels, start, columns);
        if (first < 0) continue;
        const last = lastNonzero(task.channels, start, columns);
        if (zMin < 0 || z < zMin) zMin = z;
        if (z > zMax) zMax = z;
        if (y < yMin) yMin = y;
        if (y > yMax) yMax = y;
        if (first < xMin) xMin = first;
        if (last > xMax) xMax = last;
      }
    }
  }
  return zMin < 0
    ? null
    : [
        [zMin, zMax + 1],
        [yMin, yMax + 1],
        [xMin, xMax + 1],
      ];
}

function firstNonzero(values: Float32Array, start: number, count: number): number {
  for (let i = 0; i < count; i++) if (values[start + i] !== 0) return i;
  return -1;
}

function lastNonzero(values: Float32Array, start: number, count: number): number {
  for (let i = count - 1; i >= 0; i--) if (values[start + i] !== 0) return i;
  return -1;
}

/**
 * Writes 1 for voxels that are not zero in at least one channel, 1 for holes that such voxels enclose, and 0 elsewhere,
 * as scipy's `binary_fill_holes` does with face neighbours. A region that touches the volume's border is never a hole.
 */
export function fillMask(task: {
  readonly channels: Float32Array;
  readonly channelCount: number;
  readonly sizeZyx: Zyx;
  readonly mask: Uint8Array;
}): void {
  const { channels, mask, sizeZyx } = task;
  const count = mask.length;
  mask.fill(0);
  for (let channel = 0; channel < task.channelCount; channel++) {
    const start = channel * count;
    for (let i = 0; i < count; i++) if (channels[start + i] !== 0) mask[i] = 1;
  }
  const zeros = labelComponents(mask, { sizeZyx, labels: [0], connectivity: 6 });
  const reachesBorder = componentsAtBorder(zeros, sizeZyx);
  for (let run = 0; run < zeros.runStart.length; run++) {
    if (reachesBorder[zeros.runComponent[run]!] === 1) continue;
    mask.fill(1, zeros.runStart[run]!, zeros.runStart[run]! + zeros.runLength[run]!);
  }
}

/** Returns, for each component, 1 if it touches one of the volume's six faces, otherwise 0. */
function componentsAtBorder(components: Components, [slices, rows, columns]: Zyx): Uint8Array {
  const { runStart, runLength, runComponent, sizes } = components;
  const isAtBorder = new Uint8Array(sizes.length);
  for (let run = 0; run < runStart.length; run++) {
    const start = runStart[run]!;
    const row = Math.floor(start / columns);
    const x = start - row * columns;
    const z = Math.floor(row / rows);
    const y = row - z * rows;
    const isEdgeRow = z === 0 || z === slices - 1 || y === 0 || y === rows - 1;
    if (isEdgeRow || x === 0 || x + runLength[run]! === columns) isAtBorder[runComponent[run]!] = 1;
  }
  return isAtBorder;
}
