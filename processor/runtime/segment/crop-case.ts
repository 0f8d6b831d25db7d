import { imageError } from "../../imaging/errors.js";
import { mapZyx, perAxis, reversed, type Zyx } from "../../imaging/volume/axes.js";
import type { CroppedGrid } from "../../imaging/volume/cropped-grid.js";
import type { Geometry } from "../../imaging/volume/geometry.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { CropRequest } from "../cases/case.js";
import type { RuntimePool } from "../threads/kernels.js";
import { readMask } from "./read-mask.js";

/** The part of an image that the networks see. */
export interface CaseCrop {
  readonly grid: CroppedGrid;
  /** True if the mask is empty, and the segmentation with it. The networks then see a corner of the image. */
  readonly isEmpty: boolean;
}

const corner = { first: [0, 0, 0], last: [0, 0, 0] } as const;

/**
 * Returns the box around the voxels of a mask that are not 0, with a margin that ends at the border of the image.
 *
 * @throws IMAGE_INVALID if the mask is empty and may not be; what `readMask` throws
 */
export async function caseCrop(
  { mask, marginXyz, mayBeEmpty = false }: CropRequest,
  whole: Geometry,
  pool: RuntimePool,
): Promise<CaseCrop> {
  const { voxels } = await readMask(mask, whole, pool);
  const found = boundingBox(voxels, whole.sizeZyx);
  if (found === null && !mayBeEmpty)
    throw imageError("IMAGE_INVALID", `${mask.path}: no voxel is in the mask, so nothing is left`);
  const box = found ?? corner;
  const margin: Zyx = [marginXyz[2], marginXyz[1], marginXyz[0]];
  const start = perAxis((axis) => Math.max(0, box.first[axis] - margin[axis]));
  const size = perAxis(
    (axis) => Math.min(whole.sizeZyx[axis], box.last[axis] + 1 + margin[axis]) - start[axis],
  );
  const grid = { startZyx: start, geometry: geometryOf(whole, start, size), whole };
  return { grid, isEmpty: found === null };
}

function boundingBox(voxels: LabelMap["voxels"], [slices, rows, columns]: Zyx) {
  const first: [number, number, number] = [slices, rows, columns];
  const last: [number, number, number] = [-1, -1, -1];
  for (let z = 0, i = 0; z < slices; z++)
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++, i++) {
        if (voxels[i] === 0) continue;
        [z, y, x].forEach((at, axis) => {
          first[axis] = Math.min(first[axis]!, at);
          last[axis] = Math.max(last[axis]!, at);
        });
      }
  return last[0] < 0 ? null : { first, last };
}

function geometryOf(whole: Geometry, startZyx: Zyx, sizeZyx: Zyx): Geometry {
  const { originMmXyz, spacingMmZyx, directionXyz } = whole;
  const stepsXyz = reversed(mapZyx(spacingMmZyx, (spacing, axis) => startZyx[axis] * spacing));
  const origin = mapZyx(originMmXyz, (part, row) =>
    stepsXyz.reduce((sum, step, axis) => sum + directionXyz[row * 3 + axis]! * step, part),
  );
  return { ...whole, sizeZyx, originMmXyz: origin };
}
