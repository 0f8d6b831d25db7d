import type { InferencePlan, LabelDefinition } from "../../contract/manifest.js";
import { sharedError } from "../../contract/shared-errors.js";
import { axisRules } from "../../imaging/resampling/axis-rule.js";
import { type AxisTable, axisTable, nearestTable } from "../../imaging/resampling/axis-table.js";
import { separateAxis, separateExportAxisV1 } from "../../imaging/resampling/separate-axis.js";
import { voxelCount, type Zyx } from "../../imaging/volume/axes.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { PreprocessHistory } from "../../nnunet-files/preprocess-history.js";
import type { ExportTarget } from "./export-slices.js";
import { largestLabel } from "./largest-label.js";

/** Where a network's answer comes from and goes to. */
export interface ExportGrid {
  readonly history: PreprocessHistory;
  readonly plan: InferencePlan;
}

/** The axis along which the network's answer is resampled separately from the other two; null for none. */
export function exportAxisApart({ plan, history }: ExportGrid): 0 | 1 | 2 | null {
  const { networkSpacingMmZyx, originalSpacingMmZyx } = history;
  const { transposeForward, resampleProbabilities: rule } = plan;
  return plan.averaging === "probabilities"
    ? separateExportAxisV1({ rule, originalSpacingMmZyx, networkSpacingMmZyx, transposeForward })
    : separateAxis({
        rule,
        currentSpacingMmZyx: networkSpacingMmZyx,
        newSpacingMmZyx: originalSpacingMmZyx,
      });
}

/** How the axes of the network's grid map to those of the cropped image, both in the plan's transposed order. */
export function axisTables(networkSizeZyx: Zyx, grid: ExportGrid): Zyx<AxisTable> {
  const rule = grid.plan.resampleProbabilities;
  const imageSizeZyx = grid.history.sizeAfterCroppingZyx;
  const isSameGrid = networkSizeZyx.every((size, axis) => size === imageSizeZyx[axis]);
  if (rule.method === "none" && !isSameGrid) {
    throw sharedError(
      "PLANS_UNSUPPORTED",
      "the plans resample images but not the network's answer (no_resampling_hack), which works only for images that have the network's spacing",
    );
  }
  const rules = axisRules({ rule, apart: exportAxisApart(grid), toSizeZyx: imageSizeZyx });
  const table = (axis: 0 | 1 | 2): AxisTable =>
    isSameGrid
      ? nearestTable(networkSizeZyx[axis], imageSizeZyx[axis])
      : axisTable(rules[axis], networkSizeZyx[axis], imageSizeZyx[axis]);
  return [table(0), table(1), table(2)];
}

/** A new label map of the whole image, with the place of the cropped, transposed grid in it. */
export function exportTarget(
  { history, plan }: ExportGrid,
  labels: LabelDefinition,
): ExportTarget & Pick<LabelMap, "voxels"> {
  const { sizeZyx } = history.originalGeometry;
  const isSmall = largestLabel(labels) < 256;
  const buffer = new SharedArrayBuffer(voxelCount(sizeZyx) * (isSmall ? 1 : 2));
  const strides = [sizeZyx[1] * sizeZyx[2], sizeZyx[2], 1] as const;
  const strideZyx = plan.transposeForward.map((axis) => strides[axis as 0 | 1 | 2]) as unknown as Zyx;
  return {
    voxels: isSmall ? new Uint8Array(buffer) : new Uint16Array(buffer),
    start: history.cropBoxZyx.reduce((sum, [from], axis) => sum + from * strideZyx[axis as 0 | 1 | 2], 0),
    strideZyx,
  };
}
