import { ProcessorError } from "../errors.js";
import type { InferencePlan, LabelDefinition } from "../model/manifest.js";
import type { PreprocessHistory } from "../preprocess/prepared.js";
import { type AxisTable, linearTable, nearestTable } from "../resampling/axis-table.js";
import { separateAxis, separateExportAxisV1 } from "../resampling/separate-axis.js";
import { voxelCount, type Zyx } from "../volume/axes.js";
import type { LabelMap } from "../volume/label-map.js";
import type { ExportTarget } from "./export-slices.js";

/** Where a network's answer comes from and goes to. */
export interface ExportGrid {
  readonly history: PreprocessHistory;
  readonly plan: InferencePlan;
}

/** How the axes of the network's grid map to those of the cropped image, both in the plan's transposed order. */
export function axisTables(networkSizeZyx: Zyx, { plan, history }: ExportGrid): Zyx<AxisTable> {
  const rule = plan.resampleProbabilities;
  const imageSizeZyx = history.sizeAfterCroppingZyx;
  const isTorch = rule.method === "torch";
  const { networkSpacingMmZyx, originalSpacingMmZyx } = history;
  const { forceSeparateZ } = rule;
  const { transposeForward } = plan;
  const apart =
    plan.averaging === "probabilities"
      ? separateExportAxisV1({ forceSeparateZ, originalSpacingMmZyx, networkSpacingMmZyx, transposeForward })
      : separateAxis({
          ...{ forceSeparateZ, currentSpacingMmZyx: networkSpacingMmZyx },
          newSpacingMmZyx: originalSpacingMmZyx,
        });
  return ([0, 1, 2] as const).map((axis) => {
    const order = axis === apart ? (isTorch ? 0 : rule.orderZ) : isTorch ? 1 : rule.order;
    if (order !== 0 && order !== 1) {
      throw new ProcessorError(
        "PLANS_UNSUPPORTED",
        `resampling of logits by order ${order}; known are 0 and 1`,
      );
    }
    const table = order === 0 ? nearestTable : linearTable;
    return table(networkSizeZyx[axis], imageSizeZyx[axis]);
  }) as unknown as Zyx<AxisTable>;
}

/** A new label map of the whole image, with the place of the cropped, transposed grid in it. */
export function exportTarget(
  { history, plan }: ExportGrid,
  labels: LabelDefinition,
): ExportTarget & Pick<LabelMap, "voxels"> {
  const { sizeZyx } = history.originalGeometry;
  const isSmall = labels.foregroundLabels.length < 255;
  const buffer = new SharedArrayBuffer(voxelCount(sizeZyx) * (isSmall ? 1 : 2));
  const strides = [sizeZyx[1] * sizeZyx[2], sizeZyx[2], 1] as const;
  const strideZyx = plan.transposeForward.map((axis) => strides[axis as 0 | 1 | 2]) as unknown as Zyx;
  return {
    voxels: isSmall ? new Uint8Array(buffer) : new Uint16Array(buffer),
    start: history.cropBoxZyx.reduce((sum, [from], axis) => sum + from * strideZyx[axis as 0 | 1 | 2], 0),
    strideZyx,
  };
}
