import type { AxisRule } from "./axis-rule.js";
import { axisTable, inputCoordinate } from "./axis-table.js";
import { firstCoefficient, splineGain, splinePadding, splinePoles, writeSplineWeights } from "./b-spline.js";

type FloatArray = Float32Array<SharedArrayBuffer> | Float64Array<SharedArrayBuffer>;

/** An interpolation along one axis of an array with the shape `outer × axis × inner`. */
export interface ResampleAxisTask {
  /** `outer × from × inner` values. */
  readonly input: FloatArray;
  /** `outer × to × inner` values. */
  readonly output: FloatArray;
  readonly from: number;
  readonly to: number;
  readonly inner: number;
  readonly rule: AxisRule;
  /** The range of lines (of `outer × inner`) that this call handles. */
  readonly lines: { readonly from: number; readonly to: number };
}

/**
 * The number of lines that are computed together, so that the processor does not wait for the recursion of one line.
 */
const lanes = 8;

/** Resizes an array along one axis, in float64 from the input's samples to the output's. */
export function resampleAxis(task: ResampleAxisTask): void {
  const { input, output, from, to, inner, lines } = task;
  const order = splineOrder(task.rule);
  const poles = splinePoles(order);
  const evaluate =
    order === 0
      ? tableEvaluation(task)
      : order === 3
        ? cubicEvaluation(from, to)
        : splineEvaluation(task, order);
  const padded = order === 0 ? 0 : splinePadding;
  const length = from + 2 * padded;
  const buffer = new Float64Array(length * lanes);
  const result = new Float64Array(to * lanes);
  const inputStarts = new Int32Array(lanes);
  const outputStarts = new Int32Array(lanes);
  for (let first = lines.from; first < lines.to; first += lanes) {
    const count = Math.min(lanes, lines.to - first);
    for (let lane = 0; lane < count; lane++) {
      const line = first + lane;
      const outer = Math.floor(line / inner);
      inputStarts[lane] = outer * from * inner + (line - outer * inner);
      outputStarts[lane] = outer * to * inner + (line - outer * inner);
    }
    gather(buffer, input, { starts: inputStarts, count, from, inner, padded });
    // A for…of loop would cost a tenth of the time here.
    for (let i = 0; i < poles.length; i++) prefilter(buffer, length, poles[i]!);
    evaluate(buffer, result);
    scatter(output, result, { starts: outputStarts, count, to, inner });
  }
}

/** Returns the order of a spline that needs filtering; 0 for rules that take one or two neighbours. */
const splineOrder = (rule: AxisRule): number => (rule.by === "scipy" && rule.order > 1 ? rule.order : 0);

interface Gathering {
  readonly starts: Int32Array;
  readonly count: number;
  readonly from: number;
  readonly inner: number;
  readonly padded: number;
}

function gather(
  buffer: Float64Array,
  input: FloatArray,
  { starts, count, from, inner, padded }: Gathering,
): void {
  for (let lane = 0; lane < count; lane++) {
    let source = starts[lane]!;
    let target = padded * lanes + lane;
    for (let i = 0; i < from; i++, source += inner, target += lanes) buffer[target] = input[source]!;
    const firstValue = buffer[padded * lanes + lane]!;
    const lastValue = buffer[target - lanes]!;
    for (let i = 0; i < padded; i++) {
      buffer[i * lanes + lane] = firstValue;
      buffer[target + i * lanes] = lastValue;
    }
  }
}

interface Scattering {
  readonly starts: Int32Array;
  readonly count: number;
  readonly to: number;
  readonly inner: number;
}

function scatter(output: FloatArray, result: Float64Array, { starts, count, to, inner }: Scattering): void {
  for (let lane = 0; lane < count; lane++) {
    let target = starts[lane]!;
    for (let i = 0; i < to; i++, target += inner) output[target] = result[i * lanes + lane]!;
  }
}

/**
 * Turns samples into spline coefficients in place, without the gain, by a causal and an anti-causal recursion. The ends
 * are half-sample symmetric, as in scipy's `spline_filter` for `mode="nearest"`.
 */
function prefilter(buffer: Float64Array, length: number, pole: number): void {
  const end = length * lanes;
  for (let lane = 0; lane < lanes; lane++) {
    let power = pole;
    let sum = buffer[lane]!;
    // This is the geometric series of the reflected signal. Forty terms are enough, because the largest pole^40 is the
    // precision of float64.
    for (let i = 0; i < Math.min(length, 40); i++, power *= pole) sum += power * buffer[i * lanes + lane]!;
    buffer[lane] = sum;
  }
  for (let i = lanes; i < end; i++) buffer[i] = buffer[i]! + pole * buffer[i - lanes]!;
  const last = end - lanes;
  const closing = pole / (pole - 1);
  for (let lane = 0; lane < lanes; lane++) buffer[last + lane] = closing * buffer[last + lane]!;
  for (let i = last - 1; i >= 0; i--) buffer[i] = pole * (buffer[i + lanes]! - buffer[i]!);
}

type Evaluation = (buffer: Float64Array, result: Float64Array) => void;

function tableEvaluation({ from, to, rule }: ResampleAxisTask): Evaluation {
  const { lower, upper, weight } = axisTable(rule, from, to);
  return (buffer, result) => {
    for (let i = 0; i < to; i++) {
      const a = lower[i]! * lanes;
      const b = upper[i]! * lanes;
      const w = weight[i]!;
      const target = i * lanes;
      for (let lane = 0; lane < lanes; lane++) {
        result[target + lane] = (1 - w) * buffer[a + lane]! + w * buffer[b + lane]!;
      }
    }
  };
}

interface Taps {
  /** The index in the buffer of each output sample's first coefficient. */
  readonly starts: Int32Array;
  /** `order + 1` weights for each output sample. */
  readonly weights: Float64Array;
}

function tapsOf({ from, to }: Pick<ResampleAxisTask, "from" | "to">, order: number): Taps {
  const starts = new Int32Array(to);
  const weights = new Float64Array((order + 1) * to);
  for (let i = 0; i < to; i++) {
    // The coordinate is at most half a sample outside the image, which the padding covers.
    const x = inputCoordinate(i, { from, to }) + splinePadding;
    starts[i] = firstCoefficient(order, x) * lanes;
    writeSplineWeights(weights, (order + 1) * i, order, x);
  }
  const gain = splineGain(splinePoles(order));
  for (let i = 0; i < weights.length; i++) weights[i] = weights[i]! * gain;
  return { starts, weights };
}

function splineEvaluation({ from, to }: ResampleAxisTask, order: number): Evaluation {
  const { starts, weights } = tapsOf({ from, to }, order);
  const taps = order + 1;
  return (buffer, result) => {
    for (let i = 0; i < to; i++) {
      const target = i * lanes;
      const start = starts[i]!;
      for (let lane = 0; lane < lanes; lane++) {
        let sum = 0;
        for (let tap = 0; tap < taps; tap++)
          sum += weights[taps * i + tap]! * buffer[start + tap * lanes + lane]!;
        result[target + lane] = sum;
      }
    }
  };
}

/** Evaluates splines of order 3 without the inner loop, because most data are resampled with this order. */
function cubicEvaluation(from: number, to: number): Evaluation {
  const { starts, weights } = tapsOf({ from, to }, 3);
  return (buffer, result) => {
    for (let i = 0; i < to; i++) {
      const a = starts[i]!;
      const w0 = weights[4 * i]!;
      const w1 = weights[4 * i + 1]!;
      const w2 = weights[4 * i + 2]!;
      const w3 = weights[4 * i + 3]!;
      const target = i * lanes;
      for (let lane = 0; lane < lanes; lane++) {
        const at = a + lane;
        result[target + lane] =
          w0 * buffer[at]! +
          w1 * buffer[at + lanes]! +
          w2 * buffer[at + 2 * lanes]! +
          w3 * buffer[at + 3 * lanes]!;
      }
    }
  };
}
