import type { ValueCounts } from "./value-counts.js";

/** The statistics of a channel over all cases, with nnU-Net's names. NaN without foreground. */
export interface IntensityStatistics {
  readonly max: number;
  readonly mean: number;
  readonly median: number;
  readonly min: number;
  readonly percentile_00_5: number;
  readonly percentile_99_5: number;
  readonly std: number;
}

/** How percentiles are taken: between the samples, as numpy does, or by the share of the weights. */
export type PercentileRule = "samples" | "weights";

/** Computes the statistics of one channel from the counts of all cases. */
export function intensityStatistics(
  parts: readonly ValueCounts[],
  rule: PercentileRule,
): IntensityStatistics {
  let total = 0;
  let sum = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  eachValue(parts, (value, weight) => {
    total += weight;
    sum += value * weight;
    if (value < min) min = value;
    if (value > max) max = value;
  });
  if (total === 0) return noStatistics;
  // Sums of fractional weights are rounded, and could put the mean of equal values beside them.
  const mean = Math.min(max, Math.max(min, sum / total));
  let squares = 0;
  eachValue(parts, (value, weight) => {
    squares += (value - mean) * (value - mean) * weight;
  });
  const [low, median, high] =
    rule === "samples" ? samplePercentiles(parts, total) : weightPercentiles(parts, total);
  return {
    max,
    mean,
    median: median!,
    min,
    percentile_00_5: low!,
    percentile_99_5: high!,
    std: Math.sqrt(squares / total),
  };
}

const noStatistics: IntensityStatistics = {
  max: Number.NaN,
  mean: Number.NaN,
  median: Number.NaN,
  min: Number.NaN,
  percentile_00_5: Number.NaN,
  percentile_99_5: Number.NaN,
  std: Number.NaN,
};

function eachValue(parts: readonly ValueCounts[], visit: (value: number, weight: number) => void): void {
  for (const { values, weights } of parts)
    for (let i = 0; i < values.length; i++) visit(values[i]!, weights[i]!);
}

const percents = [0.5, 50, 99.5];

/** numpy's linear percentiles of the samples: between two neighbours in rank. */
function samplePercentiles(parts: readonly ValueCounts[], total: number): readonly number[] {
  const positions = percents.map((percent) => (total - 1) * (percent / 100));
  const ranks = [
    ...new Set(positions.flatMap((position) => [Math.floor(position), Math.floor(position) + 1])),
  ].map((rank) => Math.min(rank, total - 1));
  const atRank = new Map(
    valuesAt(
      parts,
      ranks.map((rank) => rank + 0.5),
    ).map((value, i) => [ranks[i]!, value]),
  );
  // A case without foreground has an empty float64 array in nnU-Net, which makes all of them float64.
  const isDouble = parts.some(({ values }) => values.length === 0);
  return positions.map((position) => {
    const below = Math.floor(position);
    const low = atRank.get(below)!;
    const high = atRank.get(Math.min(below + 1, total - 1))!;
    const difference = isDouble ? high - low : Math.fround(high - low);
    const fraction = position - below;
    return fraction < 0.5 ? low + difference * fraction : high - difference * (1 - fraction);
  });
}

const weightPercentiles = (parts: readonly ValueCounts[], total: number): readonly number[] =>
  valuesAt(
    parts,
    percents.map((percent) => (total * percent) / 100),
    // Between two infinite neighbours, numpy finds no number.
  ).map((value) => (Number.isFinite(value) ? value : Number.NaN));

/**
 * Returns the values at which the sum of the weights, in the order of the values, first exceeds each of some sums. The
 * values are not sorted as a whole: two passes over the bits of float32 numbers find the few that matter.
 */
function valuesAt(parts: readonly ValueCounts[], sums: readonly number[]): readonly number[] {
  const upper = new Float64Array(1 << 16);
  for (const { values, weights } of parts) {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    for (let i = 0; i < bits.length; i++) upper[orderOf(bits[i]!) >>> 16]! += weights[i]!;
  }
  const bins = sums.map((sum) => binAt(upper, sum));
  const lower = new Map(bins.map(({ bin }) => [bin, new Float64Array(1 << 16)]));
  for (const { values, weights } of parts) {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    for (let i = 0; i < bits.length; i++) {
      const order = orderOf(bits[i]!);
      const table = lower.get(order >>> 16);
      if (table !== undefined) table[order & 0xffff]! += weights[i]!;
    }
  }
  return bins.map(({ bin, rest }) => numberOf(((bin << 16) | binAt(lower.get(bin)!, rest).bin) >>> 0));
}

function binAt(table: Float64Array, sum: number): { readonly bin: number; readonly rest: number } {
  let before = 0;
  let last = 0;
  for (let bin = 0; bin < table.length; bin++) {
    if (table[bin] === 0) continue;
    if (before + table[bin]! > sum) return { bin, rest: sum - before };
    before += table[bin]!;
    last = bin;
  }
  // Rounding of fractional weights may leave the largest value for the very end.
  return { bin: last, rest: table[last]! };
}

/** Maps the bits of a float32 number to an unsigned number with the same order. */
const orderOf = (bits: number): number => (bits & 0x80000000 ? ~bits : bits | 0x80000000) >>> 0;

const word = new Uint32Array(1);
const single = new Float32Array(word.buffer);

function numberOf(order: number): number {
  word[0] = order & 0x80000000 ? order & 0x7fffffff : ~order;
  // Minus zero would be written as -0.0.
  return single[0]! || 0;
}
