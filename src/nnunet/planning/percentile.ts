/**
 * Returns a percentile of numbers as numpy's `percentile` does by default: linear interpolation between the two
 * neighbours of the position, from the nearer of the two.
 *
 * @param percent from 0 to 100
 * @example percentile([1, 2, 4], 50) // 2
 */
export const percentile = (values: readonly number[], percent: number): number =>
  percentileOfSorted(
    values.toSorted((a, b) => a - b),
    percent,
  );

/** Does the same for values that ascend already. */
export function percentileOfSorted(sorted: readonly number[], percent: number): number {
  const position = (sorted.length - 1) * (percent / 100);
  const below = Math.floor(position);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  const fraction = position - below;
  return fraction < 0.5 ? low + (high - low) * fraction : high - (high - low) * (1 - fraction);
}

/** Returns the median as numpy's `median` does: the mean of the two middle values of an even number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

export const product = (values: readonly number[]): number => values.reduce((all, value) => all * value, 1);

/** Returns a column of a table, such as the spacings of all cases along one axis. */
export const column = (rows: readonly (readonly number[])[], axis: number): number[] =>
  rows.map((row) => row[axis]!);
