import type { InferencePlan, LabelDefinition } from "../../contract/manifest.js";
import { sharedError } from "../../contract/shared-errors.js";
import { axisRules } from "../../imaging/resampling/axis-rule.js";
import { type AxisTable, axisTable, nearestTable } from "../../imaging/resampling/axis-table.js";
import { positionTable } from "../../imaging/resampling/position-table.js";
import { separateAxis, separateExportAxisV1 } from "../../imaging/resampling/separate-axis.js";
import { mapZyx, permute, stridesOf, voxelCount, type Zyx } from "../../imaging/volume/axes.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { PreprocessHistory } from "../../nnunet-files/preprocess-history.js";
import type { ExportTarget } from "./export-slices.js";
import { largestLabel } from "./largest-label.js";

/** The grids between which a network's output is exported. */
export interface ExportGrid {
  readonly history: PreprocessHistory;
  readonly plan: InferencePlan;
}

/**
 * Returns the axis along which the network's output is resampled separately from the other two; null if there is none.
 */
export function separateExportAxis({ plan, history }: ExportGrid): 0 | 1 | 2 | null {
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

/** Returns the mapping of the network's axes to the axes of the cropped image, both in the plan's transposed order. */
export function axisTables(networkSizeZyx: Zyx, grid: ExportGrid): Zyx<AxisTable> {
  const positions = grid.history.networkPositionsZyx;
  if (positions !== undefined)
    return mapZyx(positions, (of, axis) => positionTable(of, networkSizeZyx[axis], "bilinear"));
  const rule = grid.plan.resampleProbabilities;
  const imageSizeZyx = grid.history.sizeAfterCroppingZyx;
  const isSameGrid = networkSizeZyx.every((size, axis) => size === imageSizeZyx[axis]);
  if (rule.method === "none" && !isSameGrid) {
    throw sharedError(
      "PLANS_UNSUPPORTED",
      "the plans resample images but not the network's output (no_resampling_hack), which works only for images that have the network's spacing",
    );
  }
  const rules = axisRules({ rule, apart: separateExportAxis(grid), toSizeZyx: imageSizeZyx });
  const table = (axis: 0 | 1 | 2): AxisTable =>
    isSameGrid
      ? nearestTable(networkSizeZyx[axis], imageSizeZyx[axis])
      : axisTable(rules[axis], networkSizeZyx[axis], imageSizeZyx[axis]);
  return [table(0), table(1), table(2)];
}

/** Returns a new label map of the whole image, with the position of the cropped, transposed grid in it. */
export function exportTarget(
  grid: ExportGrid,
  labels: LabelDefinition,
): ExportTarget & Pick<LabelMap, "voxels"> {
  const isSmall = largestLabel(labels) < 256;
  const buffer = new SharedArrayBuffer(voxelCount(grid.history.originalGeometry.sizeZyx) * (isSmall ? 1 : 2));
  return { voxels: isSmall ? new Uint8Array(buffer) : new Uint16Array(buffer), ...placeInImage(grid) };
}

/** Returns where the cropped, transposed grid begins in the image, and the steps of its axes there. */
export function placeInImage({ history, plan }: ExportGrid): Pick<ExportTarget, "start" | "strideZyx"> {
  const strideZyx = permute(stridesOf(history.originalGeometry.sizeZyx), plan.transposeForward);
  const [z, y, x] = mapZyx(history.cropBoxZyx, ([from], axis) => from * strideZyx[axis]);
  const start = z + y + x;
  return { start, strideZyx };
}
