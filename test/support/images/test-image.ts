import { voxelCount, type Zyx } from "../../../processor/imaging/volume/axes.js";
import { identityDirection } from "../../../processor/imaging/volume/geometry.js";
import type { Image, VoxelArray } from "../../../processor/imaging/volume/image.js";

/** Returns an image in memory, with a simple geometry unless one is given. */
export function testImage(
  sizeZyx: Zyx,
  options: { readonly voxels?: VoxelArray; readonly spacingMmZyx?: Zyx } = {},
): Image {
  const voxels = options.voxels ?? Int16Array.from({ length: voxelCount(sizeZyx) }, (_, i) => (i % 97) + 20);
  return {
    voxels,
    components: voxels.length / voxelCount(sizeZyx),
    geometry: {
      sizeZyx,
      spacingMmZyx: options.spacingMmZyx ?? [1, 0.92, 0.92],
      originMmXyz: [3.5, -20.25, 100],
      directionXyz: identityDirection,
      dimensions: 3,
    },
    source: { path: "", format: "nifti", nifti: null },
  };
}
