import { type LabelComponentsOptions, labelComponents } from "../../imaging/volume/connected-components.js";

export interface KeepLargestComponentTask extends LabelComponentsOptions {
  /** `z × y × x`; what is removed becomes 0, in place. */
  readonly voxels: Uint8Array | Uint16Array;
  /** nnU-Net v1's `min_valid_object_sizes`: only smaller components are removed. Null removes all but the largest. */
  readonly sparing: { readonly voxelVolumeMm3: number; readonly minimumMm3: number } | null;
}

/** What was removed, for the report. */
export interface RemovedComponents {
  readonly componentCount: number;
  /** Voxels of the largest component; 0 when there is none. */
  readonly largestVoxels: number;
  readonly removedComponents: number;
  readonly removedVoxels: number;
  /** 0 when none was removed. */
  readonly largestRemovedVoxels: number;
}

/**
 * Removes all components but the largest of the labels taken together: v1's
 * `remove_all_but_the_largest_connected_component` with connectivity 6, v2's
 * `remove_all_but_largest_component_from_segmentation` with 26. Components that tie for the largest all stay.
 */
export function keepLargestComponent(task: KeepLargestComponentTask): RemovedComponents {
  const { voxels, sparing } = task;
  const { runStart, runLength, runComponent, sizes } = labelComponents(voxels, task);
  const largestVoxels = sizes.reduce((largest, size) => Math.max(largest, size), 0);
  const isRemoved = Uint8Array.from(sizes, (size) =>
    size < largestVoxels && (sparing === null || size * sparing.voxelVolumeMm3 < sparing.minimumMm3) ? 1 : 0,
  );
  for (let run = 0; run < runStart.length; run++) {
    if (isRemoved[runComponent[run]!] === 0) continue;
    voxels.fill(0, runStart[run]!, runStart[run]! + runLength[run]!);
  }
  const removed = sizes.filter((_, component) => isRemoved[component] === 1);
  return {
    componentCount: sizes.length,
    largestVoxels,
    removedComponents: removed.length,
    removedVoxels: removed.reduce((sum, size) => sum + size, 0),
    largestRemovedVoxels: removed.reduce((largest, size) => Math.max(largest, size), 0),
  };
}
