import type { ExportMode } from "../../contract/run-settings.js";
import { resizeLabels } from "../../imaging/resampling/resample-labels.js";
import { mapZyx } from "../../imaging/volume/axes.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import { exportTarget, separateExportAxis } from "./export-grid.js";
import { type ExportOptions, type ExportSource, exportLabels } from "./export-labels.js";

export type NetworkLabelsOptions = Pick<ExportOptions, "labels" | "pool"> & {
  readonly mode: Exclude<ExportMode, "normal">;
};

/**
 * Exports labels for v1's `--mode fast` and `fastest`: takes the largest class on the network's own grid, then
 * resamples the labels to the image's grid (`predict_cases_fast`, `predict_cases_fastest`). This is fast, but thin
 * structures suffer.
 */
export async function exportNetworkLabels(
  source: ExportSource,
  { labels, pool, mode }: NetworkLabelsOptions,
): Promise<LabelMap> {
  const { history, plan } = source;
  const onNetworkGrid = await labelsOnNetworkGrid(source, { labels, pool });
  const rule = plan.resampleProbabilities;
  const resampled = await resizeLabels(onNetworkGrid, {
    rule: mode === "fast" ? rule : { ...rule, order: 0 },
    fromSizeZyx: source.stream.sizeZyx,
    toSizeZyx: history.sizeAfterCroppingZyx,
    // With order 0, labels are resampled along all axes together, even if the spacing is anisotropic.
    apart: mode === "fastest" || rule.order === 0 ? null : separateExportAxis(source),
    pool,
  });
  const target = exportTarget(source, labels);
  const [strideZ, strideY, strideX] = target.strideZyx;
  const [slices, rows, columns] = history.sizeAfterCroppingZyx;
  let from = 0;
  for (let z = 0; z < slices; z++) {
    for (let y = 0; y < rows; y++) {
      let to = target.start + z * strideZ + y * strideY;
      for (let x = 0; x < columns; x++, to += strideX) target.voxels[to] = resampled[from++]!;
    }
  }
  return { voxels: target.voxels, geometry: history.originalGeometry };
}

/** Returns the labels on the network's own grid, from the usual export. */
export async function labelsOnNetworkGrid(
  { stream, history, plan }: ExportSource,
  options: Pick<ExportOptions, "labels" | "pool">,
): Promise<Int16Array<SharedArrayBuffer>> {
  const { sizeZyx } = stream;
  const { voxels } = await exportLabels(
    [
      {
        stream,
        plan: { ...plan, transposeForward: [0, 1, 2], transposeBackward: [0, 1, 2] },
        history: {
          originalGeometry: { ...history.originalGeometry, sizeZyx },
          sizeBeforeCroppingZyx: sizeZyx,
          sizeAfterCroppingZyx: sizeZyx,
          cropBoxZyx: mapZyx(sizeZyx, (size) => [0, size] as const),
          originalSpacingMmZyx: history.networkSpacingMmZyx,
          networkSpacingMmZyx: history.networkSpacingMmZyx,
        },
      },
    ],
    { ...options, probabilities: null },
  );
  const labels = new Int16Array(new SharedArrayBuffer(voxels.length * 2));
  labels.set(voxels);
  return labels;
}
