export interface StatisticsTask {
  readonly values: Float32Array;
  /** Only voxels with a 1 in the mask count; null to count all. */
  readonly mask: Uint8Array | null;
  /** Only values strictly between these bounds count; null to count all. */
  readonly within: readonly [low: number, high: number] | null;
  /** The mean around which deviations are summed; null in the first pass, which computes it. */
  readonly mean: number | null;
  readonly range: { readonly from: number; readonly to: number };
}

export interface PartialStatistics {
  readonly count: number;
  readonly sum: number;
  readonly squaredDeviations: number;
  readonly minimum: number;
  readonly maximum: number;
}

/** Computes the sums over one range of a channel, in float64. */
export function channelStatistics({ values, mask, within, mean, range }: StatisticsTask): PartialStatistics {
  let count = 0;
  let sum = 0;
  let squaredDeviations = 0;
  let minimum = Number.POSITIVE_INFINITY;
  let maximum = Number.NEGATIVE_INFINITY;
  for (let i = range.from; i < range.to; i++) {
    if (mask !== null && mask[i] === 0) continue;
    const value = values[i]!;
    if (within !== null && !(value > within[0] && value < within[1])) continue;
    count++;
    sum += value;
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
    if (mean !== null) squaredDeviations += (value - mean) * (value - mean);
  }
  return { count, sum, squaredDeviations, minimum, maximum };
}

export const combined = (parts: readonly PartialStatistics[]): PartialStatistics => ({
  count: parts.reduce((sum, part) => sum + part.count, 0),
  sum: parts.reduce((sum, part) => sum + part.sum, 0),
  squaredDeviations: parts.reduce((sum, part) => sum + part.squaredDeviations, 0),
  minimum: Math.min(...parts.map((part) => part.minimum)),
  maximum: Math.max(...parts.map((part) => part.maximum)),
});
