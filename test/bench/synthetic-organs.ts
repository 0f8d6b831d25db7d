import type { SourceSeries } from "../../processor/dicom-objects/source-series.js";
import { identityDirection } from "../../processor/imaging/volume/geometry.js";
import type { LabelMap } from "../../processor/imaging/volume/label-map.js";
import { goldenSeries } from "../support/dicom/golden-series.js";
import { goldenPath } from "../support/golden.js";

export const organCount = 25;
const sizeZyx = [600, 512, 512] as const;

/** A CT of 600 slices without pixels: what results refer to. */
export function bodySeries(): SourceSeries {
  const { reference } = goldenSeries(goldenPath("dicom", "sources", "ct_square"));
  return {
    reference: {
      ...reference,
      slices: Array.from({ length: sizeZyx[0] }, (_, z) => ({
        ...reference.slices[0]!,
        sopInstanceUid: `2.25.${1_000_000 + z}`,
        positionPatientMm: [-200, -200, z] as const,
      })),
    },
    geometry: {
      sizeZyx,
      spacingMmZyx: [1, 0.8, 0.8],
      originMmXyz: [-200, -200, 0],
      directionXyz: identityDirection,
      dimensions: 3,
    },
  };
}

/** Ellipsoids of the size of organs, which partly cover each other. */
export function bodyOrgans({ geometry }: SourceSeries): LabelMap {
  const [slices, rows, columns] = sizeZyx;
  const voxels = new Uint8Array(new SharedArrayBuffer(slices * rows * columns));
  for (let organ = 0; organ < organCount; organ++) {
    const center = [
      60 + ((organ * 97) % 480),
      100 + ((organ * 53) % 312),
      100 + ((organ * 71) % 312),
    ] as const;
    const radius = [30 + ((organ * 13) % 60), 20 + ((organ * 7) % 50), 20 + ((organ * 11) % 50)] as const;
    for (let z = Math.max(0, center[0] - radius[0]); z < Math.min(slices, center[0] + radius[0]); z++) {
      for (let y = center[1] - radius[1]; y < center[1] + radius[1]; y++) {
        for (let x = center[2] - radius[2]; x < center[2] + radius[2]; x++) {
          const parts = [
            (z - center[0]) / radius[0],
            (y - center[1]) / radius[1],
            (x - center[2]) / radius[2],
          ];
          if (Math.hypot(...parts) < 1) voxels[(z * rows + y) * columns + x] = organ + 1;
        }
      }
    }
  }
  return { voxels, geometry };
}
