import { RandomState } from "../random-state.js";

/**
 * The intensities of one channel of one case, each with how often it counts. It stands for nnU-Net's list of samples, which
 * would be far longer.
 */
export interface ValueCounts {
  readonly values: Float32Array;
  /** Float64, because the fast mode weights each case's voxels by one over their number. */
  readonly weights: Uint32Array | Float64Array;
}

/** Counts the samples that nnU-Net draws in one case. All channels share one generator, which starts again in each case. */
export function drawnCounts(channels: readonly Float32Array[], draws: number): readonly ValueCounts[] {
  const random = new RandomState(1234);
  return channels.map((values) =>
    merged(values, values.length === 0 ? new Uint32Array(0) : random.countDraws(values.length, draws)),
  );
}

/** Counts every foreground voxel once; each case weighs the same. */
export const equalCounts = (channels: readonly Float32Array[]): readonly ValueCounts[] =>
  channels.map((values) => {
    const { values: distinct, weights } = merged(values, new Uint32Array(values.length).fill(1));
    return { values: distinct, weights: Float64Array.from(weights, (weight) => weight / values.length) };
  });

/** A range of whole numbers that is counted in a table; more would take more memory than the values. */
const largestRange = 1 << 17;

/** Sums the counts of equal values, if they are whole numbers in a small range; leaves out values that do not count. */
function merged(values: Float32Array, counts: Uint32Array): { values: Float32Array; weights: Uint32Array } {
  if (values.length === 0) return { values, weights: counts };
  const { low, high, areWhole } = rangeOf(values);
  if (!areWhole || !(high - low < largestRange)) return counted(values, counts);
  const table = new Uint32Array(high - low + 1);
  addToTable(table, low, values, counts);
  return counted(
    Float32Array.from(table, (_, i) => low + i),
    table,
  );
}

function rangeOf(values: Float32Array) {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let areWhole = true;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < low) low = value;
    if (value > high) high = value;
    if (Math.floor(value) !== value) areWhole = false;
  }
  return { low, high, areWhole };
}

function addToTable(table: Uint32Array, low: number, values: Float32Array, counts: Uint32Array): void {
  for (let i = 0; i < values.length; i++) table[values[i]! - low]! += counts[i]!;
}

function counted(values: Float32Array, counts: Uint32Array) {
  let used = 0;
  for (const count of counts) if (count > 0) used++;
  const kept = new Float32Array(used);
  const weights = new Uint32Array(used);
  for (let i = 0, at = 0; i < values.length; i++) {
    if (counts[i] === 0) continue;
    kept[at] = values[i]!;
    weights[at++] = counts[i]!;
  }
  return { values: kept, weights };
}
