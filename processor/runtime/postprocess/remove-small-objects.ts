import type { Zyx } from "../../imaging/volume/axes.js";
import { labelComponents } from "../../imaging/volume/connected-components.js";

export interface RemoveSmallObjectsTask {
  /** `z × y × x` labels. The objects that are too small become 0, in place. */
  readonly labels: Uint8Array | Uint16Array;
  readonly sizeZyx: Zyx;
  /** The size that an object needs: below 1, as a share of the largest object of its label; from 1 on, in voxels. */
  readonly smallest: number;
}

/**
 * Removes the small objects of each label, as nnunet_serve does with `remove_objects_smaller_than`. An object is what is
 * connected by faces.
 *
 * @returns the number of removed objects
 */
export function removeSmallObjects({ labels, sizeZyx, smallest }: RemoveSmallObjectsTask): number {
  let removed = 0;
  for (const label of labelsIn(labels)) {
    const { runStart, runLength, runComponent, sizes } = labelComponents(labels, {
      sizeZyx,
      labels: [label],
      connectivity: 6,
    });
    const largest = sizes.reduce((most, size) => Math.max(most, size), 0);
    const needed = smallest < 1 ? Math.trunc(smallest * largest) : smallest;
    for (const size of sizes) if (size < needed) removed++;
    for (let run = 0; run < runStart.length; run++)
      if (sizes[runComponent[run]!]! < needed)
        labels.fill(0, runStart[run]!, runStart[run]! + runLength[run]!);
  }
  return removed;
}

function labelsIn(labels: Uint8Array | Uint16Array): readonly number[] {
  const isThere = new Uint8Array(labels instanceof Uint8Array ? 256 : 65536);
  for (const label of labels) isThere[label] = 1;
  return [...isThere.keys()].filter((label) => label > 0 && isThere[label] === 1);
}
