import type { AxisTable } from "../../imaging/resampling/axis-table.js";
import type { Zyx } from "../../imaging/volume/axes.js";
import { blendSlices, type SlabWindow } from "./blend-slices.js";

export interface ExportSlicesTask {
  readonly window: SlabWindow;
  readonly heads: number;
  /** The rows and columns of the network's grid. */
  readonly networkRows: number;
  readonly networkColumns: number;
  readonly tables: Zyx<AxisTable>;
  /** The output slices that this call computes. The window holds all network slices that they need. */
  readonly slices: { readonly from: number; readonly to: number };
  readonly target: ExportTarget;
  /** The labels that are painted for heads 0, 1, … where the head exceeds the threshold; null for argmax. */
  readonly regionsClassOrder: readonly number[] | null;
  /** 0 for logits (sigmoid 0.5), 0.5 for probabilities. */
  readonly regionThreshold: number;
}

/** The position of the cropped, transposed grid in the label map, which has the image's own axes. */
export interface ExportTarget {
  readonly voxels: Uint8Array | Uint16Array;
  readonly start: number;
  readonly strideZyx: Zyx;
}

/**
 * Interpolates logits linearly to the image's grid and writes labels, without storing all classes on that grid.
 *
 * Linear interpolation is a convex combination, so a class that is largest at all corners of a cell is largest
 * everywhere in it. Only cells whose corners differ are interpolated, and in them only the classes that can win.
 */
export function exportSlices(task: ExportSlicesTask): void {
  const { heads, networkRows, networkColumns, tables, slices } = task;
  const plane = networkRows * networkColumns;
  const blended = new Float32Array(heads * plane);
  const best = new Uint16Array(plane);
  const bestValue = new Float32Array(plane);
  for (let z = slices.from; z < slices.to; z++) {
    blendSlices(blended, { window: task.window, table: tables[0], z });
    if (task.regionsClassOrder !== null) {
      paintRegions(task, blended, z);
      continue;
    }
    argmax({ best, bestValue, blended, heads });
    paintLargest(task, { best, blended, z });
  }
}

interface Argmax {
  readonly best: Uint16Array;
  readonly bestValue: Float32Array;
  readonly blended: Float32Array;
  readonly heads: number;
}

/** Finds the largest head at each sample. Ties go to the lowest head, as in numpy's argmax. */
function argmax({ best, bestValue, blended, heads }: Argmax): void {
  const plane = best.length;
  best.fill(0);
  bestValue.set(blended.subarray(0, plane));
  for (let head = 1; head < heads; head++) {
    const start = head * plane;
    for (let i = 0; i < plane; i++) {
      const value = blended[start + i]!;
      if (value > bestValue[i]!) {
        bestValue[i] = value;
        best[i] = head;
      }
    }
  }
}

interface Painting {
  readonly best: Uint16Array;
  readonly blended: Float32Array;
  readonly z: number;
}

function paintLargest(task: ExportSlicesTask, { best, blended, z }: Painting): void {
  const { heads, networkColumns, tables, target } = task;
  const [, rowTable, columnTable] = tables;
  const plane = best.length;
  const [strideZ, strideY, strideX] = target.strideZyx;
  const columns = columnTable.lower.length;
  const candidates = new Int32Array(heads);
  for (let y = 0; y < rowTable.lower.length; y++) {
    const upperRow = rowTable.lower[y]! * networkColumns;
    const lowerRow = rowTable.upper[y]! * networkColumns;
    const wy = rowTable.weight[y]!;
    let out = target.start + z * strideZ + y * strideY;
    let cell = -1;
    let candidateCount = 0;
    for (let x = 0; x < columns; x++, out += strideX) {
      const x0 = columnTable.lower[x]!;
      const x1 = columnTable.upper[x]!;
      const a = upperRow + x0;
      const b = upperRow + x1;
      const c = lowerRow + x0;
      const d = lowerRow + x1;
      const label = best[a]!;
      if (best[b] === label && best[c] === label && best[d] === label) {
        target.voxels[out] = label;
        continue;
      }
      if (x0 !== cell) {
        cell = x0;
        candidateCount = findCandidates(candidates, { blended, heads, plane, a, b, c, d });
      }
      const wx = columnTable.weight[x]!;
      const wa = (1 - wy) * (1 - wx);
      const wb = (1 - wy) * wx;
      const wc = wy * (1 - wx);
      const wd = wy * wx;
      let winner = 0;
      let largest = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < candidateCount; i++) {
        const start = candidates[i]! * plane;
        const value =
          wa * blended[start + a]! +
          wb * blended[start + b]! +
          wc * blended[start + c]! +
          wd * blended[start + d]!;
        if (value > largest) {
          largest = value;
          winner = candidates[i]!;
        }
      }
      target.voxels[out] = winner;
    }
  }
}

interface Cell {
  readonly blended: Float32Array;
  readonly heads: number;
  readonly plane: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

/**
 * Finds the heads that can win in a cell. A head whose largest corner is below another head's smallest corner cannot.
 */
function findCandidates(candidates: Int32Array, { blended, heads, plane, a, b, c, d }: Cell): number {
  let bar = Number.NEGATIVE_INFINITY;
  for (let head = 0, start = 0; head < heads; head++, start += plane) {
    const smallest = Math.min(
      blended[start + a]!,
      blended[start + b]!,
      blended[start + c]!,
      blended[start + d]!,
    );
    if (smallest > bar) bar = smallest;
  }
  let count = 0;
  for (let head = 0, start = 0; head < heads; head++, start += plane) {
    const largest = Math.max(
      blended[start + a]!,
      blended[start + b]!,
      blended[start + c]!,
      blended[start + d]!,
    );
    if (largest >= bar) candidates[count++] = head;
  }
  return count;
}

function paintRegions(task: ExportSlicesTask, blended: Float32Array, z: number): void {
  const { networkRows, networkColumns, tables, target, regionThreshold } = task;
  const [, rowTable, columnTable] = tables;
  const plane = networkRows * networkColumns;
  const [strideZ, strideY, strideX] = target.strideZyx;
  task.regionsClassOrder!.forEach((label, head) => {
    const start = head * plane;
    for (let y = 0; y < rowTable.lower.length; y++) {
      const upperRow = start + rowTable.lower[y]! * networkColumns;
      const lowerRow = start + rowTable.upper[y]! * networkColumns;
      const wy = rowTable.weight[y]!;
      let out = target.start + z * strideZ + y * strideY;
      for (let x = 0; x < columnTable.lower.length; x++, out += strideX) {
        const x0 = columnTable.lower[x]!;
        const x1 = columnTable.upper[x]!;
        const wx = columnTable.weight[x]!;
        const upper = (1 - wx) * blended[upperRow + x0]! + wx * blended[upperRow + x1]!;
        const lower = (1 - wx) * blended[lowerRow + x0]! + wx * blended[lowerRow + x1]!;
        if ((1 - wy) * upper + wy * lower > regionThreshold) target.voxels[out] = label;
      }
    }
  });
}
