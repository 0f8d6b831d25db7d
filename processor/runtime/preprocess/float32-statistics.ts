import type { StatisticsTask } from "./statistics.js";

export interface Float32StatisticsTask extends Pick<StatisticsTask, "values" | "mask" | "within"> {
  /** The number of values that are contiguous in numpy's view of the image. numpy sums each such run separately. */
  readonly runLength: number;
}

export interface Float32Statistics {
  readonly mean: number;
  readonly deviation: number;
}

/**
 * Computes the mean and the standard deviation as numpy does for float32 arrays, with its rounding errors. In an image
 * of nearly equal values, only these errors are left after normalisation: nnU-Net turns equal values into ones or minus
 * ones, whereas exact arithmetic would give zeros.
 */
export function float32Statistics(task: Float32StatisticsTask): Float32Statistics {
  const { mask, within } = task;
  const isWhole = mask === null && within === null;
  const values = isWhole ? task.values : counted(task);
  const runLength = isWhole ? task.runLength : values.length;
  let sum = 0;
  for (let start = 0; start < values.length; start += runLength)
    sum = Math.fround(sum + pairwiseSum(values, start, Math.min(runLength, values.length - start)));
  const mean = Math.fround(sum / values.length);
  // numpy writes the deviations into an array without gaps.
  const squares = values.map((value) => {
    const deviation = Math.fround(value - mean);
    return deviation * deviation;
  });
  const variance = Math.fround(pairwiseSum(squares, 0, squares.length) / squares.length);
  return { mean, deviation: Math.fround(Math.sqrt(variance)) };
}

function counted({ values, mask, within }: Float32StatisticsTask): Float32Array {
  const [low, high] = within ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  return values.filter((value, i) => (mask === null || mask[i] === 1) && value > low && value < high);
}

/** The number of values that numpy adds in one loop with eight sums (its `PW_BLOCKSIZE`). */
const block = 128;

/** numpy's pairwise summation in float32. */
function pairwiseSum(values: Float32Array, start: number, count: number): number {
  if (count > block) {
    const half = (count >> 1) - ((count >> 1) % 8);
    return Math.fround(pairwiseSum(values, start, half) + pairwiseSum(values, start + half, count - half));
  }
  let done = 0;
  let sum = 0;
  if (count >= 8) {
    const sums = values.slice(start, start + 8);
    for (done = 8; done < count - (count % 8); done += 8)
      for (let i = 0; i < 8; i++) sums[i] = sums[i]! + values[start + done + i]!;
    const pair = (i: number): number => Math.fround(sums[i]! + sums[i + 1]!);
    sum = Math.fround(Math.fround(pair(0) + pair(2)) + Math.fround(pair(4) + pair(6)));
  }
  for (; done < count; done++) sum = Math.fround(sum + values[start + done]!);
  return sum;
}
