import type { PostProcessingStep } from "../../contract/manifest.js";
import { extentOf } from "../../imaging/volume/extent.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { RuntimePool } from "../threads/kernels.js";
import type { RemovedComponents } from "./keep-largest-component.js";

/** The components that one step removed. */
export interface StepReport extends Pick<RemovedComponents, "removedComponents" | "removedVoxels"> {
  readonly labels: readonly number[];
  /** Absent for a flat image. */
  readonly removedMillilitres?: number;
  /** Present for a flat image only. */
  readonly removedSquareMillimetres?: number;
}

/**
 * Applies the steps of nnU-Net's post-processing one after the other.
 *
 * @param labelMap in shared memory; changed in place
 */
export async function removeComponents(
  labelMap: LabelMap,
  steps: readonly PostProcessingStep[],
  pool: RuntimePool,
): Promise<readonly StepReport[]> {
  const { voxels, geometry } = labelMap;
  const voxelVolumeMm3 = geometry.spacingMmZyx.reduce((product, spacing) => product * spacing, 1);
  const reports: StepReport[] = [];
  for (const { labels, connectivity, minimumMm3 } of steps) {
    const { removedComponents, removedVoxels } = await pool.run("keepLargestComponent", {
      voxels,
      sizeZyx: geometry.sizeZyx,
      labels,
      connectivity,
      sparing: minimumMm3 === null ? null : { voxelVolumeMm3, minimumMm3 },
    });
    const extent = extentOf(removedVoxels, geometry);
    reports.push({
      labels,
      removedComponents,
      removedVoxels,
      ...("millilitres" in extent
        ? { removedMillilitres: extent.millilitres }
        : { removedSquareMillimetres: extent.squareMillimetres }),
    });
  }
  return reports;
}
