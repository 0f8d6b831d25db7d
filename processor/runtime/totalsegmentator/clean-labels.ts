import { type LabelParts, type Labels, type LabelVolume, labelBoxes, labelParts } from "./label-boxes.js";

export interface MergePartTask {
  readonly part: Uint8Array | Uint16Array;
  /** The merged label for each label of the part; 0 leaves what is there. */
  readonly labelMap: readonly number[];
  /** Changed in place. */
  readonly merged: Labels;
}

/** Writes the labels of one part over those of earlier parts. */
export function mergePart({ part, labelMap, merged }: MergePartTask): void {
  const table = new Uint8Array(65536);
  table.set(labelMap);
  for (let i = 0; i < merged.length; i++) {
    const label = table[part[i]!]!;
    if (label !== 0) merged[i] = label;
  }
}

export interface RelabelTask {
  /** The new label for each label; labels beyond the list become 0. */
  readonly labelMap: readonly number[];
  /** Changed in place. */
  readonly voxels: Labels;
}

/** Replaces labels by others. */
export function relabel({ labelMap, voxels }: RelabelTask): void {
  const table = new Uint8Array(256);
  table.set(labelMap);
  for (let i = 0; i < voxels.length; i++) voxels[i] = table[voxels[i]!]!;
}

export interface RemoveSmallPartsTask extends LabelVolume {
  /** Null for all labels. */
  readonly labels: readonly number[] | null;
  /** Connected parts of one label are removed if they have at most this many voxels. */
  readonly mostVoxels: number;
}

/** Removes small parts of each label, in place, and returns their number. */
export function removeSmallParts({ labels, mostVoxels, ...volume }: RemoveSmallPartsTask): number {
  let removed = 0;
  for (const [label, box] of labelBoxes(volume)) {
    if (labels !== null && !labels.includes(label)) continue;
    const parts = labelParts(volume, label, box);
    const { sizes } = parts.components;
    parts.paint((component) => sizes[component]! <= mostVoxels, 0);
    removed += sizes.filter((size) => size <= mostVoxels).length;
  }
  return removed;
}

export interface KeepLargestPartTask extends LabelVolume {
  readonly label: number;
}

/**
 * Removes all but the largest connected part of a label, in place. Of equal ones the part is kept that comes first in an
 * array of axes x, y, z, as in numpy.
 */
export function keepLargestPart({ label, ...volume }: KeepLargestPartTask): void {
  const box = labelBoxes(volume).get(label);
  if (box === undefined) return;
  const parts = labelParts(volume, label, box);
  const { sizes } = parts.components;
  const largest = sizes.reduce((a, b) => Math.max(a, b), 0);
  const equals = [...sizes.keys()].filter((component) => sizes[component] === largest);
  const kept = equals.length === 1 ? equals[0]! : firstInNumpyOrder(parts, new Set(equals));
  parts.paint((component) => component !== kept, 0);
}

function firstInNumpyOrder(
  { components: { runStart, runComponent }, box: { sizeZyx } }: LabelParts,
  equals: ReadonlySet<number>,
): number {
  const [slices, rows, columns] = sizeZyx;
  let best = { order: Number.POSITIVE_INFINITY, component: 0 };
  for (let run = 0; run < runStart.length; run++) {
    const component = runComponent[run]!;
    if (!equals.has(component)) continue;
    const at = runStart[run]!;
    const row = Math.floor(at / columns);
    const order = ((at % columns) * rows + (row % rows)) * slices + Math.floor(row / rows);
    if (order < best.order) best = { order, component };
  }
  return best.component;
}
