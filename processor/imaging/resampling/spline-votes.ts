import { mapZyx, perAxis, stridesOf, type Zyx } from "../volume/axes.js";
import { inputCoordinate, nearestTable } from "./axis-table.js";
import { firstCoefficient, writeSplineWeights } from "./b-spline.js";
import { coefficientSize, splinePaddingOf } from "./spline-coefficients.js";

/** The evaluation of one label's spline on the new grid. The label is written wherever it leads. */
export interface SplineVotesTask {
  readonly coefficients: Float64Array;
  readonly fromSizeZyx: Zyx;
  readonly toSizeZyx: Zyx;
  readonly orderZyx: Zyx;
  /** The label. Labels are evaluated in ascending order. */
  readonly label: number;
  readonly output: Int16Array;
  readonly election: Election;
  /** The output slices that this call computes. */
  readonly slices: { readonly from: number; readonly to: number };
}

/** The rule by which the labels' scores become a label map. */
export type Election =
  | {
      /** The largest score wins, clipped to the indicator's range. A tie goes to the nearest label, else to the lowest. */
      readonly kind: "largest";
      readonly input: Int16Array;
      readonly isFirst: boolean;
      readonly apart: 0 | 1 | 2 | null;
      readonly minimum: Uint8Array;
      readonly maximum: Uint8Array;
      /** The largest score so far, on the new grid. */
      readonly best: Float64Array;
    }
  /** A score above one half wins. A later label replaces an earlier one; other voxels stay unchanged. */
  | { readonly kind: "majority" };

export function splineVotes(task: SplineVotesTask): void {
  const { fromSizeZyx, toSizeZyx, slices, label, output, election } = task;
  const evaluate = evaluation(task);
  const nearest = perAxis((axis) => nearestTable(fromSizeZyx[axis], toSizeZyx[axis]).lower);
  let out = slices.from * toSizeZyx[1] * toSizeZyx[2];
  for (let z = slices.from; z < slices.to; z++) {
    for (let y = 0; y < toSizeZyx[1]; y++) {
      for (let x = 0; x < toSizeZyx[2]; x++, out++) {
        const value = evaluate(z, y, x);
        if (election.kind === "majority") {
          if (value > 0.5) output[out] = label;
          continue;
        }
        const { input, apart } = election;
        const row = (nearest[0][z]! * fromSizeZyx[1] + nearest[1][y]!) * fromSizeZyx[2];
        const isNearest = input[row + nearest[2][x]!] === label;
        const group = apart === null ? 0 : apart === 0 ? z : apart === 1 ? y : x;
        const score = Math.min(Math.max(value, election.minimum[group]!), election.maximum[group]!);
        cast(election, { out, score, isNearest, label, output });
      }
    }
  }
}

interface Vote {
  readonly out: number;
  readonly score: number;
  readonly isNearest: boolean;
  readonly label: number;
  readonly output: Int16Array;
}

/**
 * Decides as batchgenerators' `_resample_seg_by_argmax` does: an exact tie goes to the nearest label if it is among the
 * tied labels.
 */
function cast(
  { isFirst, best }: Election & { readonly kind: "largest" },
  { out, score, isNearest, label, output }: Vote,
): void {
  const lead = best[out]!;
  if (isFirst || score > lead) {
    best[out] = score;
    output[out] = label;
  } else if (isNearest && score === lead && score > 0) output[out] = label;
}

interface AxisTaps {
  /** `order + 1` offsets into the coefficients for each output sample. */
  readonly offsets: Int32Array;
  readonly weights: Float64Array;
  readonly taps: number;
}

/** Returns a function for the spline's value at an output voxel, summed in scipy's order. */
function evaluation(task: SplineVotesTask): (z: number, y: number, x: number) => number {
  const { coefficients } = task;
  const size = coefficientSize(task.fromSizeZyx, task.orderZyx);
  const [tz, ty, tx] = mapZyx(stridesOf(size), (stride, axis) => axisTaps(task, axis, stride));
  return (z, y, x) => {
    let sum = 0;
    for (let i = z * tz.taps; i < (z + 1) * tz.taps; i++) {
      for (let j = y * ty.taps; j < (y + 1) * ty.taps; j++) {
        const start = tz.offsets[i]! + ty.offsets[j]!;
        for (let k = x * tx.taps; k < (x + 1) * tx.taps; k++) {
          const coefficient = coefficients[start + tx.offsets[k]!]!;
          sum += coefficient * tz.weights[i]! * ty.weights[j]! * tx.weights[k]!;
        }
      }
    }
    return sum;
  };
}

function axisTaps(
  { fromSizeZyx, toSizeZyx, orderZyx }: SplineVotesTask,
  axis: 0 | 1 | 2,
  stride: number,
): AxisTaps {
  const [from, to, order] = [fromSizeZyx[axis], toSizeZyx[axis], orderZyx[axis]];
  const taps = order + 1;
  const offsets = new Int32Array(to * taps);
  const weights = new Float64Array(to * taps);
  const padding = splinePaddingOf(order);
  for (let i = 0; i < to; i++) {
    const x = clamp(inputCoordinate(i, { from, to }) + padding, from + 2 * padding);
    const first = firstCoefficient(order, x);
    for (let tap = 0; tap < taps; tap++)
      offsets[i * taps + tap] = clamp(first + tap, from + 2 * padding) * stride;
    if (order === 0) weights[i] = 1;
    else writeSplineWeights(weights, i * taps, order, x);
  }
  return { offsets, weights, taps };
}

const clamp = (x: number, size: number): number => Math.min(Math.max(x, 0), size - 1);
