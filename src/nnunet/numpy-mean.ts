/**
 * Returns the sum of float64 values in the order of numpy's pairwise summation, so that two means are equal exactly when
 * they are equal in numpy.
 */
export function pairwiseSum(values: readonly number[], start = 0, count = values.length): number {
  const end = start + count;
  if (count < 8) {
    let sum = 0;
    for (let i = start; i < end; i++) sum += values[i]!;
    return sum;
  }
  if (count > 128) {
    const half = Math.floor(count / 2);
    const first = half - (half % 8);
    return pairwiseSum(values, start, first) + pairwiseSum(values, start + first, count - first);
  }
  const lanes = values.slice(start, start + 8);
  let i = start + 8;
  for (; i + 8 <= end; i += 8) for (let lane = 0; lane < 8; lane++) lanes[lane]! += values[i + lane]!;
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = lanes;
  let sum = a + b + (c + d) + (e + f + (g + h));
  for (; i < end; i++) sum += values[i]!;
  return sum;
}

/** Returns `numpy.mean`; NaN for no values. */
export const mean = (values: readonly number[]): number => pairwiseSum(values) / values.length;

/** Returns `numpy.nanmean`: the mean of the values that are not NaN; NaN if there are none. */
export function nanMean(values: readonly number[]): number {
  const valid = values.filter((value) => !Number.isNaN(value)).length;
  return pairwiseSum(values.map((value) => (Number.isNaN(value) ? 0 : value))) / valid;
}
