import type { Range } from "../threads/split-range.js";
import type { Zyx } from "../volume/axes.js";

export interface SampleSplineTask {
  /** The coefficients of a cubic spline, from `mirrorSpline`. */
  readonly coefficients: Float32Array<SharedArrayBuffer>;
  readonly fromSizeZyx: Zyx;
  readonly output: Float32Array<SharedArrayBuffer>;
  readonly toSizeZyx: Zyx;
  /** A row-major 3 × 4 matrix from an index (x, y, z) of the output to a continuous index of the coefficients. */
  readonly indexMap: readonly number[];
  /** The slices of the output to compute. */
  readonly slices: Range;
}

/**
 * Evaluates a cubic spline on another grid, as ITK's BSplineInterpolateImageFunction does. Voxels outside of the image,
 * more than half a voxel from its outermost centres, become 0.
 *
 * @returns the number of voxels inside
 */
export function sampleSpline(task: SampleSplineTask): number {
  const { coefficients, fromSizeZyx, output, toSizeZyx, indexMap: m, slices } = task;
  const [depth, height, width] = fromSizeZyx;
  const [, rows, columns] = toSizeZyx;
  const x = axisOf(width, 1);
  const y = axisOf(height, width);
  const z = axisOf(depth, width * height);
  let inside = 0;
  let at = slices.from * rows * columns;
  for (let k = slices.from; k < slices.to; k++) {
    for (let j = 0; j < rows; j++) {
      for (let i = 0; i < columns; i++, at++) {
        const isInside =
          place(x, m[0]! * i + m[1]! * j + m[2]! * k + m[3]!) &&
          place(y, m[4]! * i + m[5]! * j + m[6]! * k + m[7]!) &&
          place(z, m[8]! * i + m[9]! * j + m[10]! * k + m[11]!);
        if (!isInside) continue;
        inside++;
        output[at] = sumOf(coefficients, x, y, z);
      }
    }
  }
  return inside;
}

/** The four coefficients that a place needs along one axis. */
interface SplineAxis {
  readonly size: number;
  readonly step: number;
  readonly offsets: Int32Array;
  readonly weights: Float64Array;
}

const axisOf = (size: number, step: number): SplineAxis => ({
  size,
  step,
  offsets: new Int32Array(4),
  weights: new Float64Array(4),
});

/** Sets offsets and weights for a continuous index; returns false if it is outside. */
function place({ size, step, offsets, weights }: SplineAxis, index: number): boolean {
  if (!(index >= -0.5 && index < size - 0.5)) return false;
  const start = Math.floor(index);
  const t = index - start;
  const cube = (t * t * t) / 6;
  const before = 1 / 6 + 0.5 * t * (t - 1) - cube;
  const after = t + before - 2 * cube;
  weights[0] = before;
  weights[1] = 1 - before - after - cube;
  weights[2] = after;
  weights[3] = cube;
  const last = size - 1;
  for (let n = 0; n < 4; n++) {
    let k = start - 1 + n;
    // Short axes can be mirrored more than once.
    while (k < 0 || k > last) {
      if (last === 0) k = 0;
      else k = k < 0 ? -k : 2 * last - k;
    }
    offsets[n] = k * step;
  }
  return true;
}

function sumOf(coefficients: Float32Array, x: SplineAxis, y: SplineAxis, z: SplineAxis): number {
  const [x0, x1, x2, x3] = [x.offsets[0]!, x.offsets[1]!, x.offsets[2]!, x.offsets[3]!];
  const [w0, w1, w2, w3] = [x.weights[0]!, x.weights[1]!, x.weights[2]!, x.weights[3]!];
  let sum = 0;
  for (let c = 0; c < 4; c++) {
    let plane = 0;
    for (let b = 0; b < 4; b++) {
      const row = z.offsets[c]! + y.offsets[b]!;
      plane +=
        y.weights[b]! *
        (w0 * coefficients[row + x0]! +
          w1 * coefficients[row + x1]! +
          w2 * coefficients[row + x2]! +
          w3 * coefficients[row + x3]!);
    }
    sum += z.weights[c]! * plane;
  }
  return sum;
}
