import { SampleDraws } from "./sample-draws.js";

/**
 * The intensities of one channel of one case, each with how often it counts. It stands for nnU-Net's list of samples, which
 * would be far longer.
 */
export interface ValueCounts {
  readonly values: Float32Array;
  /** Float64, because the fast mode weights each case's voxels by one over their number. */
  readonly weights: Uint32Array | Float64Array;
}

/** Counts the samples that nnU-Net draws in one case. */
export function drawnCounts(channels: readonly Float32Array[], draws: number): readonly ValueCounts[] {
  const samples = new SampleDraws();
  return channels.map((values) =>
    merged(values, values.length === 0 ? new Uint32Array(0) : samples.count(values.length, draws)),
  );
}

/** Counts every foreground voxel once; each case weighs the same. */
export const equalCounts = (channels: readonly Float32Array[]): readonly ValueCounts[] =>
  channels.map((values) => {
    const { values: distinct, weights } = merged(values, new Uint32Array(values.length).fill(1));
    return { values: distinct, weights: Float64Array.from(weights, (weight) => weight / values.length) };
  });

/** The number of whole numbers, from `lowest`, that are counted in a table: those of all images with one or two bytes for a voxel. */
const tableLength = 1 << 17;
const lowest = -tableLength / 2;

const tableValues = new Float32Array(tableLength);
for (let i = 0; i < tableLength; i++) tableValues[i] = lowest + i;

/** Sums the counts of equal values, if the table has a place for all of them; leaves out values that do not count. */
function merged(values: Float32Array, counts: Uint32Array): ValueCounts & { readonly weights: Uint32Array } {
  const table = new Uint32Array(tableLength);
  if (!addToTable(table, values, counts)) return counted(values, counts);
  return counted(tableValues, table);
}

/** Returns false at the first value that has no place in the table. */
function addToTable(table: Uint32Array, values: Float32Array, counts: Uint32Array): boolean {
  for (let i = 0; i < values.length; i++) {
    const place = values[i]! - lowest;
    const index = place | 0;
    if (index !== place || index < 0 || index >= tableLength) return false;
    table[index]! += counts[i]!;
  }
  return true;
}

function counted(values: Float32Array, counts: Uint32Array): ValueCounts & { readonly weights: Uint32Array } {
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
