import type { Zyx } from "../volume/axes.js";

type Extent = Zyx<readonly [from: number, to: number]>;

/**
 * The half-open box of voxels that are not zero in some channel, within slices `range`; null when there are none.
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

const hole = 0;
const inside = 1;
const outside = 2;

/**
 * Writes 1 where some channel is not zero and where such voxels enclose zeros, 0 elsewhere: scipy's
 * `binary_fill_holes` with face neighbours. What touches the volume's border is never a hole.
 *
 * Zeros spread from the border in sweeps over the volume, forwards and backwards, until nothing changes: no queue,
 * so memory stays at one byte for each voxel.
 */
export function fillMask(task: {
  readonly channels: Float32Array;
  readonly channelCount: number;
  readonly sizeZyx: Zyx;
  readonly mask: Uint8Array;
}): void {
  const { channels, mask } = task;
  const count = mask.length;
  mask.fill(hole);
  for (let channel = 0; channel < task.channelCount; channel++) {
    const start = channel * count;
    for (let i = 0; i < count; i++) if (channels[start + i] !== 0) mask[i] = inside;
  }
  while (sweep(mask, task.sizeZyx, 1) + sweep(mask, task.sizeZyx, -1) > 0);
  for (let i = 0; i < count; i++) mask[i] = mask[i] === outside ? 0 : 1;
}

/** Marks zeros that touch the border or a marked voxel before them in sweeping order; returns how many. */
function sweep(mask: Uint8Array, [slices, rows, columns]: Zyx, direction: 1 | -1): number {
  const plane = rows * columns;
  let changed = 0;
  for (let a = 0; a < slices; a++) {
    const z = direction > 0 ? a : slices - 1 - a;
    for (let b = 0; b < rows; b++) {
      const y = direction > 0 ? b : rows - 1 - b;
      const start = z * plane + y * columns;
      const isEdgeRow = z === 0 || z === slices - 1 || y === 0 || y === rows - 1;
      for (let c = 0; c < columns; c++) {
        const x = direction > 0 ? c : columns - 1 - c;
        const i = start + x;
        if (mask[i] !== hole) continue;
        const touches =
          isEdgeRow ||
          x === 0 ||
          x === columns - 1 ||
          mask[i - direction] === outside ||
          mask[i - direction * columns] === outside ||
          mask[i - direction * plane] === outside;
        if (!touches) continue;
        mask[i] = outside;
        changed++;
      }
    }
  }
  return changed;
}
