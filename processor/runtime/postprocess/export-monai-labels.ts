import type { MonaiRules } from "../../contract/monai-rules.js";
import type { Xyz } from "../../imaging/volume/axes.js";
import { identityDirection } from "../../imaging/volume/geometry.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import { exportTarget } from "./export-grid.js";
import type { ExportOptions, ExportSource } from "./export-labels.js";
import { labelsOnNetworkGrid } from "./export-network-labels.js";
import { removeComponents } from "./remove-components.js";

/**
 * Exports labels for a bundle of MONAI that makes labels on the network's grid: keeps the largest components there, and
 * takes the nearest label for each voxel of the image.
 */
export async function exportMonaiLabels(
  source: ExportSource,
  rules: MonaiRules,
  { labels, pool }: Pick<ExportOptions, "labels" | "pool">,
): Promise<LabelMap> {
  const { history, stream } = source;
  const found = await labelsOnNetworkGrid(source, { labels, pool });
  const voxels = new Uint16Array(new SharedArrayBuffer(found.length * 2));
  voxels.set(found);
  const originMmXyz: Xyz = [0, 0, 0];
  const geometry = {
    sizeZyx: stream.sizeZyx,
    spacingMmZyx: history.networkSpacingMmZyx,
    originMmXyz,
    directionXyz: identityDirection,
    dimensions: 3 as const,
  };
  const steps = rules.components.map((step) => ({ ...step, minimumMm3: null }));
  await removeComponents({ voxels, geometry }, steps, pool);
  const target = exportTarget(source, labels);
  const [zs, ys, xs] = history.networkPositionsZyx!;
  const [, rows, columns] = stream.sizeZyx;
  const [strideZ, strideY, strideX] = target.strideZyx;
  for (let z = 0; z < zs.length; z++)
    for (let y = 0; y < ys.length; y++) {
      const from = (zs[z]! * rows + ys[y]!) * columns;
      let to = target.start + z * strideZ + y * strideY;
      for (let x = 0; x < xs.length; x++, to += strideX) target.voxels[to] = voxels[from + xs[x]!]!;
    }
  return { voxels: target.voxels, geometry: history.originalGeometry };
}
