import { type LabelComponentsOptions, labelComponents } from "../../imaging/volume/connected-components.js";

export interface KeepLargestComponentTask extends LabelComponentsOptions {
  /** `z × y × x`. Removed voxels become 0, in place. */
  readonly voxels: Uint8Array | Uint16Array;
  /**
   * nnU-Net v1's `min_valid_object_sizes`: only smaller components are removed. If null, all components but the largest
   * are removed.
   */
  readonly sparing: { readonly voxelVolumeMm3: number; readonly minimumMm3: number } | null;
}

/** The removed components, for the report. */
export interface RemovedComponents {
  readonly componentCount: number;
  /** The number of voxels in the largest component; 0 if there is none. */
  readonly largestVoxels: number;
  readonly removedComponents: number;
  readonly removedVoxels: number;
  /** The number of voxels in the largest removed component; 0 if none was removed. */
  readonly largestRemovedVoxels: number;
}

/**
 * Removes all connected components but the largest, where the given labels count as one foreground. This is v1's
 * `remove_all_but_the_largest_connected_component` with connectivity 6, or v2's
 * `remove_all_but_largest_component_from_segmentation` with 26. All components that tie for the largest are kept.
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
