import type { Range } from "../threads/split-range.js";
import type { Zyx } from "../volume/axes.js";
import type { GridView } from "../volume/grid-view.js";
import { firstCoefficient, splinePadding, writeSplineWeights } from "./b-spline.js";

/** A volume in shared memory that can be zoomed. */
export type ZoomInput =
  | Int8Array<SharedArrayBuffer>
  | Uint8Array<SharedArrayBuffer>
  | Int16Array<SharedArrayBuffer>
  | Uint16Array<SharedArrayBuffer>
  | Int32Array<SharedArrayBuffer>
  | Uint32Array<SharedArrayBuffer>
  | Float32Array<SharedArrayBuffer>
  | Float64Array<SharedArrayBuffer>;

export interface ZoomTask {
  /** Samples; for orders 2 to 5, the coefficients that `fillCoefficients` makes. */
  readonly input: ZoomInput;
  /** The samples' grid; its size is without the coefficients' padding. */
  readonly from: GridView;
  readonly output: Float32Array<SharedArrayBuffer> | Uint8Array<SharedArrayBuffer>;
  readonly to: GridView;
  readonly order: number;
  /** True to cut samples toward zero before they are interpolated. */
  readonly cutsInput: boolean;
  /** True to cut results toward zero, as a conversion to int32. */
  readonly cutsOutput: boolean;
  /** The slices of the output to compute. */
  readonly slices: Range;
}

/**
 * Resizes a volume as `scipy.ndimage.zoom` does with `mode="nearest"`: the centres of the first and the last voxels stay
 * where they are. The sums are in scipy's order for an array of axes x, y, z, because the last bit decides where the
 * results are cut.
 */
export function zoom(task: ZoomTask): void {
  if (task.order === 0) pickNearest(task);
  else if (task.order === 1) blendLinear(task);
  else evaluateSpline(task);
}

/** Returns the coordinate of each output sample on the input's axis. */
function coordinatesOf(from: number, to: number): Float64Array {
  const ratio = to > 1 ? (from - 1) / (to - 1) : 1;
  return Float64Array.from({ length: to }, (_, i) => Math.min(i * ratio, from - 1));
}

const axisSteps = ({ from, to }: ZoomTask, axis: 0 | 1 | 2): Int32Array =>
  Int32Array.from(
    coordinatesOf(from.sizeZyx[axis], to.sizeZyx[axis]),
    (x) => Math.min(Math.floor(x + 0.5), from.sizeZyx[axis] - 1) * from.stridesZyx[axis],
  );

function pickNearest(task: ZoomTask): void {
  const { input, from, output, to, slices, cutsInput, cutsOutput } = task;
  const [stepsZ, stepsY, stepsX] = [axisSteps(task, 0), axisSteps(task, 1), axisSteps(task, 2)];
  const cuts = cutsInput || cutsOutput;
  for (let z = slices.from; z < slices.to; z++) {
    for (let y = 0; y < stepsY.length; y++) {
      const start = from.offset + stepsZ[z]! + stepsY[y]!;
      let at = to.offset + z * to.stridesZyx[0] + y * to.stridesZyx[1];
      for (let x = 0; x < stepsX.length; x++, at += to.stridesZyx[2]) {
        const value = input[start + stepsX[x]!]!;
        output[at] = cuts ? cut(value) : value;
      }
    }
  }
}

/** Converts to int32 as numpy does on x86. */
const cut = (value: number): number => (Math.abs(value) < 2147483648 ? value | 0 : -2147483648);

interface Taps {
  /** Where each coefficient is, `count` for each output sample. */
  readonly offsets: Int32Array;
  readonly weights: Float64Array;
}

/** @param padding the coefficients before the first sample */
function tapsOf({ from, to, order }: ZoomTask, axis: 0 | 1 | 2, stride: number): Taps {
  const count = order + 1;
  const padding = order > 1 ? splinePadding : 0;
  const last = from.sizeZyx[axis] + 2 * padding - 1;
  const coordinates = coordinatesOf(from.sizeZyx[axis], to.sizeZyx[axis]);
  const offsets = new Int32Array(count * coordinates.length);
  const weights = new Float64Array(count * coordinates.length);
  for (let i = 0; i < coordinates.length; i++) {
    const x = coordinates[i]! + padding;
    const first = firstCoefficient(order, x);
    writeSplineWeights(weights, i * count, order, x);
    for (let tap = 0; tap < count; tap++) offsets[i * count + tap] = Math.min(first + tap, last) * stride;
  }
  return { offsets, weights };
}

function blendLinear(task: ZoomTask): void {
  const { input, from, output, to, slices, cutsInput, cutsOutput } = task;
  const axes = ([0, 1, 2] as const).map((axis) => tapsOf(task, axis, from.stridesZyx[axis]));
  const [onZ, onY, onX] = axes as [Taps, Taps, Taps];
  const sample = cutsInput ? (at: number) => cut(input[at]!) : (at: number) => input[at]!;
  for (let z = slices.from; z < slices.to; z++) {
    const wz0 = onZ.weights[2 * z]!;
    const wz1 = onZ.weights[2 * z + 1]!;
    for (let y = 0; y < to.sizeZyx[1]; y++) {
      const wy0 = onY.weights[2 * y]!;
      const wy1 = onY.weights[2 * y + 1]!;
      const o00 = from.offset + onZ.offsets[2 * z]! + onY.offsets[2 * y]!;
      const o10 = from.offset + onZ.offsets[2 * z + 1]! + onY.offsets[2 * y]!;
      const o01 = from.offset + onZ.offsets[2 * z]! + onY.offsets[2 * y + 1]!;
      const o11 = from.offset + onZ.offsets[2 * z + 1]! + onY.offsets[2 * y + 1]!;
      let at = to.offset + z * to.stridesZyx[0] + y * to.stridesZyx[1];
      for (let x = 0; x < to.sizeZyx[2]; x++, at += to.stridesZyx[2]) {
        const x0 = onX.offsets[2 * x]!;
        const x1 = onX.offsets[2 * x + 1]!;
        const wx0 = onX.weights[2 * x]!;
        const wx1 = onX.weights[2 * x + 1]!;
        let sum = sample(o00 + x0) * wx0 * wy0 * wz0;
        sum += sample(o10 + x0) * wx0 * wy0 * wz1;
        sum += sample(o01 + x0) * wx0 * wy1 * wz0;
        sum += sample(o11 + x0) * wx0 * wy1 * wz1;
        sum += sample(o00 + x1) * wx1 * wy0 * wz0;
        sum += sample(o10 + x1) * wx1 * wy0 * wz1;
        sum += sample(o01 + x1) * wx1 * wy1 * wz0;
        sum += sample(o11 + x1) * wx1 * wy1 * wz1;
        output[at] = cutsOutput ? cut(sum) : sum;
      }
    }
  }
}

/** Returns the size of a volume's coefficients. */
export const paddedSize = (sizeZyx: Zyx): Zyx => [
  sizeZyx[0] + 2 * splinePadding,
  sizeZyx[1] + 2 * splinePadding,
  sizeZyx[2] + 2 * splinePadding,
];

function evaluateSpline(task: ZoomTask): void {
  const { input, from, output, to, order, slices, cutsOutput } = task;
  const [, rows, columns] = paddedSize(from.sizeZyx);
  const onZ = tapsOf(task, 0, rows * columns);
  const onY = tapsOf(task, 1, columns);
  const onX = tapsOf(task, 2, 1);
  const count = order + 1;
  for (let z = slices.from; z < slices.to; z++) {
    for (let y = 0; y < to.sizeZyx[1]; y++) {
      let at = to.offset + z * to.stridesZyx[0] + y * to.stridesZyx[1];
      for (let x = 0; x < to.sizeZyx[2]; x++, at += to.stridesZyx[2]) {
        let sum = 0;
        for (let i = x * count; i < (x + 1) * count; i++)
          for (let j = y * count; j < (y + 1) * count; j++)
            for (let k = z * count; k < (z + 1) * count; k++)
              sum +=
                input[onX.offsets[i]! + onY.offsets[j]! + onZ.offsets[k]!]! *
                onX.weights[i]! *
                onY.weights[j]! *
                onZ.weights[k]!;
        output[at] = cutsOutput ? cut(sum) : sum;
      }
    }
  }
}
