import type { Zyx } from "../../../processor/imaging/volume/axes.js";
import {
  dictWithKeys,
  integer,
  list,
  numpyBytes,
  type Pickled,
  tuple,
} from "../../../processor/nnunet-files/pickle-bytes.js";
import type { DatasetJson } from "../datasets/dataset-json.js";
import { labelFamily } from "../datasets/label-rules.js";
import { RandomState } from "../random-state.js";

/** A label or region whose voxels training looks for. */
export interface LocationKey {
  readonly values: readonly number[];
  /** True if Python's key is a tuple, not a number. */
  readonly isTuple: boolean;
}

/** The voxels of one key: indices in C order of the resampled label map, in the order that nnU-Net draws. */
export interface ClassLocations {
  readonly key: LocationKey;
  readonly indices: Uint32Array;
}

/** nnU-Net keeps at least this many voxels of each key, and at least a hundredth of them. */
const leastVoxels = 10_000;
const leastShare = 0.01;

/**
 * Returns the keys for which nnU-Net keeps locations: foreground labels, or regions, and with an ignore label all
 * annotated voxels.
 */
export function locationKeys(dataset: Pick<DatasetJson, "labels">): readonly LocationKey[] {
  const { hasRegions, foregroundLabels, allLabels, ignoreLabel } = labelFamily(dataset);
  const keys = hasRegions
    ? dataset.labels
        .filter(({ name, values }) => name !== "ignore" && !values.every((value) => value === 0))
        .map(({ values, isList }) => ({ values, isTuple: isList }))
    : foregroundLabels.map((value) => ({ values: [value], isTuple: false }));
  return ignoreLabel === null ? keys : [...keys, { values: [-1, ...allLabels], isTuple: true }];
}

/** Draws the locations of each key from a resampled label map, with one generator for the whole case. */
export function classLocations(
  labels: Int16Array | Uint8Array,
  keys: readonly LocationKey[],
): readonly ClassLocations[] {
  const byLabel = indicesByLabel(labels, new Set(keys.flatMap(({ values }) => values)));
  const random = new RandomState(1234);
  return keys.map((key) => {
    const ranges = key.values.map((value) => byLabel.get(value) ?? new Uint32Array(0));
    const total = ranges.reduce((sum, { length }) => sum + length, 0);
    if (total === 0) return { key, indices: new Uint32Array(0) };
    const kept = Math.max(Math.min(leastVoxels, total), Math.ceil(leastShare * total));
    const order = random.permutation(total);
    const all = joined(ranges, total);
    return { key, indices: Uint32Array.from({ length: kept }, (_, i) => all[order[i]!]!) };
  });
}

function indicesByLabel(
  labels: Int16Array | Uint8Array,
  wanted: ReadonlySet<number>,
): Map<number, Uint32Array> {
  // Tables of all numbers that 16 bits have, because a map would be asked once per voxel.
  const slotOf = (label: number): number => label + 32_768;
  const counts = new Uint32Array(65_536);
  for (let i = 0; i < labels.length; i++) counts[slotOf(labels[i]!)]!++;
  const found = new Map<number, Uint32Array>();
  const targets: (Uint32Array | undefined)[] = new Array(65_536);
  for (const label of wanted) {
    // Undefined for a label beyond 16 bits.
    const count = counts[slotOf(label)];
    if (!count) continue;
    const indices = new Uint32Array(count);
    targets[slotOf(label)] = indices;
    found.set(label, indices);
  }
  const filled = new Uint32Array(65_536);
  for (let i = 0; i < labels.length; i++) {
    const slot = slotOf(labels[i]!);
    const indices = targets[slot];
    if (indices !== undefined) indices[filled[slot]!++] = i;
  }
  return found;
}

function joined(ranges: readonly Uint32Array[], total: number): Uint32Array {
  const all = new Uint32Array(total);
  let at = 0;
  for (const range of ranges) {
    all.set(range, at);
    at += range.length;
  }
  return all;
}

/** Returns the rows `[0, z, y, x]` of some voxels, as nnU-Net stores them. */
export function locationRows(indices: Uint32Array, [, rows, columns]: Zyx): Int32Array {
  const result = new Int32Array(indices.length * 4);
  indices.forEach((index, i) => {
    const row = Math.floor(index / columns);
    result[4 * i + 1] = Math.floor(row / rows);
    result[4 * i + 2] = row % rows;
    result[4 * i + 3] = index % columns;
  });
  return result;
}

/** Returns `class_locations` as Python's pickle has it: int64 arrays, or an empty list for a key without voxels. */
export const pickledLocations = (locations: readonly ClassLocations[], sizeZyx: Zyx): Pickled =>
  dictWithKeys(
    locations.map(({ key, indices }) => [
      key.isTuple ? tuple(key.values.map(integer)) : integer(key.values[0]!),
      indices.length === 0 ? list([]) : int64Rows(locationRows(indices, sizeZyx), 4),
    ]),
  );

function int64Rows(rows: Int32Array, width: 3 | 4): Pickled {
  // Numbers of voxels are below 2^31, so the upper half of each is 0.
  const words = new Int32Array(rows.length * 2);
  for (let i = 0; i < rows.length; i++) words[2 * i] = rows[i]!;
  return numpyBytes(new Uint8Array(words.buffer), { shape: [rows.length / width, width], type: "i8" });
}

/** Returns v1's `class_locations`: rows `[z, y, x]` for each class. */
export const pickledLocationsV1 = (locations: readonly ClassLocations[], sizeZyx: Zyx): Pickled =>
  dictWithKeys(
    locations.map(({ key, indices }) => [
      integer(key.values[0]!),
      indices.length === 0
        ? list([])
        : int64Rows(
            locationRows(indices, sizeZyx).filter((_, i) => i % 4 !== 0),
            3,
          ),
    ]),
  );
