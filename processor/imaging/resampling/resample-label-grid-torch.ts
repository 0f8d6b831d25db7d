import type { Zyx } from "../volume/axes.js";
import { roundToHalf } from "../volume/float16.js";
import { type CoordinateRounding, isSmallPlane } from "./axis-rule.js";
import { type AxisTable, nearestTable, torchLinearTable } from "./axis-table.js";

export interface ResampleLabelGridTorchTask {
  readonly input: Int16Array;
  readonly output: Int16Array;
  readonly fromSizeZyx: Zyx;
  readonly toSizeZyx: Zyx;
  /** The axis whose slices are interpolated one by one; null for all three axes together. */
  readonly apart: 0 | 1 | 2 | null;
  /** The output slices that this call computes. */
  readonly slices: { readonly from: number; readonly to: number };
}

/**
 * Gives each output voxel the label that nnU-Net's `resample_torch_simple` gives it. That function multiplies each
 * label's share by 1000, sums in float32 and stores float16, so that shares tie if they differ by less than about
 * 1/4000. The lowest of tied labels wins.
 */
export function resampleLabelGridTorch(task: ResampleLabelGridTorchTask): void {
  const { input, output, fromSizeZyx, toSizeZyx, apart, slices } = task;
  const slicesApart = apart === null ? 0 : fromSizeZyx[apart];
  const isChannelsLast = apart !== null && usesChannelsLast(task, apart);
  const vectorSlices = slicesApart - (slicesApart % vectorLanes);
  const [tz, ty, tx] = tablesOf(task, isChannelsLast ? "fused" : "twice");
  const columns = fromSizeZyx[2];
  const plane = fromSizeZyx[1] * columns;
  const cell = newCell();
  let out = slices.from * toSizeZyx[1] * toSizeZyx[2];
  for (let z = slices.from; z < slices.to; z++) {
    for (let y = 0; y < toSizeZyx[1]; y++) {
      for (let x = 0; x < toSizeZyx[2]; x++, out++) {
        cell.weights[0] = tz.weight[z]!;
        cell.weights[1] = ty.weight[y]!;
        cell.weights[2] = tx.weight[x]!;
        for (let corner = 0; corner < 8; corner++) {
          const cz = corner & 4 ? tz.upper[z]! : tz.lower[z]!;
          const cy = corner & 2 ? ty.upper[y]! : ty.lower[y]!;
          const cx = corner & 1 ? tx.upper[x]! : tx.lower[x]!;
          cell.labels[corner] = input[cz * plane + cy * columns + cx]!;
        }
        if (!isChannelsLast) {
          output[out] = winner(cell, nestedSum);
          continue;
        }
        const slice = apart === 0 ? z : apart === 1 ? y : x;
        flatten(cell, apart!);
        output[out] = winner(cell, slice < vectorSlices ? vectorSum : scalarSum);
      }
    }
  }
}

/**
 * The number of float32 values in an AVX2 register. torch's kernel handles slices in groups of this size, and the rest
 * one by one.
 */
const vectorLanes = 8;

/**
 * Returns whether torch uses its channels-last kernel. Slices along the last axis are in memory like the channels of a
 * channels-last image.
 */
const usesChannelsLast = ({ fromSizeZyx, toSizeZyx }: ResampleLabelGridTorchTask, apart: 0 | 1 | 2) =>
  isSmallPlane(toSizeZyx, apart) || (apart === 2 && fromSizeZyx[2] > 3);

function tablesOf(
  { fromSizeZyx, toSizeZyx, apart }: ResampleLabelGridTorchTask,
  rounding: CoordinateRounding,
): Zyx<AxisTable> {
  const table = (axis: 0 | 1 | 2): AxisTable => {
    const [from, to] = [fromSizeZyx[axis], toSizeZyx[axis]];
    return axis === apart ? nearestTable(from, to) : torchLinearTable(from, to, rounding);
  };
  return [table(0), table(1), table(2)];
}

/** The eight corners around an output voxel, and the upper neighbours' weights. */
interface Cell {
  readonly labels: Int16Array;
  readonly weights: Float64Array;
  /** The labels and weights of the four corners in the plane, if slices are interpolated one by one. */
  readonly flatLabels: Int16Array;
  readonly flatWeights: Float32Array;
}

const newCell = (): Cell => ({
  labels: new Int16Array(8),
  weights: new Float64Array(3),
  flatLabels: new Int16Array(4),
  flatWeights: new Float32Array(4),
});

type Sum = (cell: Cell, label: number) => number;

/** Returns the label with the highest score. Only the labels of the corners can win. */
function winner(cell: Cell, sum: Sum): number {
  const { labels } = cell;
  const first = labels[0]!;
  if (labels.every((label) => label === first)) return first;
  let best = first;
  let score = roundToHalf(sum(cell, first));
  for (let corner = 1; corner < 8; corner++) {
    const label = labels[corner]!;
    if (label === best) continue;
    const other = roundToHalf(sum(cell, label));
    if (other > score || (other === score && label < best)) {
      best = label;
      score = other;
    }
  }
  return best;
}

const scale = 1000;

/**
 * Returns `a × b + c` rounded once to float32, as a fused multiply-add does. The product of two float32 is exact in
 * float64.
 */
const fused = (a: number, b: number, c: number): number => Math.fround(a * b + c);

/** Sums as torch's general kernel does: along x, then y, then z, each time `a × (1 − w) + b × w`. */
function nestedSum({ labels, weights }: Cell, label: number): number {
  const value = (corner: number): number => (labels[corner] === label ? scale : 0);
  const blend = (axis: number, a: number, b: number): number => {
    const w = weights[axis]!;
    return fused(a, Math.fround(1 - w), Math.fround(b * w));
  };
  const row = (corner: number): number => blend(2, value(corner), value(corner + 1));
  const plane = (corner: number): number => blend(1, row(corner), row(corner + 2));
  return blend(0, plane(0), plane(4));
}

/** Reduces a cell to the four corners in the slice, because the axis of slices has no weight. */
function flatten({ labels, weights, flatLabels, flatWeights }: Cell, apart: 0 | 1 | 2): void {
  const [first, second] = apart === 0 ? [1, 2] : apart === 1 ? [0, 2] : [0, 1];
  const [stepFirst, stepSecond] = [4 >> first!, 4 >> second!];
  const [w1, w2] = [weights[first!]!, weights[second!]!];
  const [v1, v2] = [Math.fround(1 - w1), Math.fround(1 - w2)];
  flatLabels[0] = labels[0]!;
  flatLabels[1] = labels[stepSecond]!;
  flatLabels[2] = labels[stepFirst]!;
  flatLabels[3] = labels[stepFirst + stepSecond]!;
  flatWeights[0] = v1 * v2;
  flatWeights[1] = v1 * w2;
  flatWeights[2] = w1 * v2;
  flatWeights[3] = w1 * w2;
}

/**
 * Sums as torch's channels-last kernel does for one slice, with the four products in the order in which compilers fuse
 * them.
 */
function scalarSum({ flatLabels, flatWeights: w }: Cell, label: number): number {
  const value = (corner: number): number => (flatLabels[corner] === label ? scale : 0);
  const first = fused(w[0]!, value(0), Math.fround(w[1]! * value(1)));
  return fused(w[3]!, value(3), fused(w[2]!, value(2), first));
}

/** Sums as the same kernel does for eight slices at a time, where the order is different. */
function vectorSum({ flatLabels, flatWeights: w }: Cell, label: number): number {
  const value = (corner: number): number => (flatLabels[corner] === label ? scale : 0);
  const last = fused(w[3]!, value(3), Math.fround(w[2]! * value(2)));
  return fused(w[0]!, value(0), fused(w[1]!, value(1), last));
}
