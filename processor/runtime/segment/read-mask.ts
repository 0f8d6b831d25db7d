import { imageError } from "../../imaging/errors.js";
import { readLabelMap } from "../../imaging/formats/read-label-map.js";
import type { Zyx } from "../../imaging/volume/axes.js";
import type { Geometry } from "../../imaging/volume/geometry.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";

/**
 * Reads a mask of an image. It must have the image's grid: the same size, and its corners at the same places in the
 * patient, because a mask with another order of axes would select other voxels without an error.
 *
 * @throws GEOMETRY_MISMATCH, IMAGE_INVALID
 */
export async function readMask(path: string, image: Geometry): Promise<LabelMap> {
  const mask = await readLabelMap(path, image);
  const [z, y, x] = image.sizeZyx;
  const corners: readonly Zyx[] = [
    [0, 0, 0],
    [z - 1, 0, 0],
    [0, y - 1, 0],
    [0, 0, x - 1],
  ];
  const apart = Math.max(...corners.map((corner) => distanceMm(mask.geometry, image, corner)));
  if (image.dimensions === 3 && apart > Math.min(...image.spacingMmZyx) / 2)
    throw imageError(
      "GEOMETRY_MISMATCH",
      `${path}: its voxels are up to ${apart.toFixed(1)} mm away from those of the image`,
    );
  return mask;
}

function distanceMm(a: Geometry, b: Geometry, index: Zyx): number {
  const [first, second] = [positionMm(a, index), positionMm(b, index)];
  return Math.hypot(...first.map((part, axis) => part - second[axis]!));
}

const positionMm = ({ originMmXyz, spacingMmZyx: [z, y, x], directionXyz }: Geometry, index: Zyx) =>
  originMmXyz.map(
    (part, row) =>
      part +
      directionXyz[row * 3]! * index[2] * x +
      directionXyz[row * 3 + 1]! * index[1] * y +
      directionXyz[row * 3 + 2]! * index[0] * z,
  );
