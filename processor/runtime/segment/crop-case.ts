import { imageError } from "../../imaging/errors.js";
import { mapZyx, perAxis, reversed, voxelCount, type Zyx } from "../../imaging/volume/axes.js";
import type { CaseVolume } from "../../imaging/volume/case-volume.js";
import type { Geometry } from "../../imaging/volume/geometry.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { ProbabilityMap } from "../../imaging/volume/probability-map.js";
import type { CropRequest } from "../cases/case.js";
import { readMask } from "./read-mask.js";

/** The part of an image that networks see. */
export interface CroppedGrid {
  readonly startZyx: Zyx;
  readonly geometry: Geometry;
  /** The grid of the whole image. */
  readonly whole: Geometry;
}

/**
 * Returns the box around the voxels of a mask that are not 0, with a margin that ends at the border of the image.
 *
 * @throws IMAGE_INVALID if the mask is empty; what `readMask` throws
 */
export async function croppedGrid({ mask, marginXyz }: CropRequest, whole: Geometry): Promise<CroppedGrid> {
  const { voxels } = await readMask(mask.path, whole);
  const box = boundingBox(voxels, whole.sizeZyx);
  if (box === null)
    throw imageError("IMAGE_INVALID", `${mask.path}: no voxel is in the mask, so nothing is left`);
  const margin: Zyx = [marginXyz[2], marginXyz[1], marginXyz[0]];
  const start = perAxis((axis) => Math.max(0, box.first[axis] - margin[axis]));
  const size = perAxis(
    (axis) => Math.min(whole.sizeZyx[axis], box.last[axis] + 1 + margin[axis]) - start[axis],
  );
  return { startZyx: start, geometry: geometryOf(whole, start, size), whole };
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

/** Returns the part of a volume in the box. */
export function cropVolume(volume: CaseVolume, grid: CroppedGrid): CaseVolume {
  const { channels, channelCount } = volume;
  const size = voxelCount(grid.geometry.sizeZyx);
  const whole = voxelCount(grid.whole.sizeZyx);
  const cropped = new Float32Array(new SharedArrayBuffer(channelCount * size * 4));
  for (let channel = 0; channel < channelCount; channel++) {
    const from = channels.subarray(channel * whole, (channel + 1) * whole);
    eachRow(grid, (row, inWhole, columns) =>
      cropped.set(from.subarray(inWhole, inWhole + columns), channel * size + row),
    );
  }
  return { ...volume, channels: cropped, geometry: grid.geometry };
}

/** Returns the part of a label map in the box. */
export function cropLabels(labelMap: LabelMap, grid: CroppedGrid): LabelMap {
  const buffer = new SharedArrayBuffer(voxelCount(grid.geometry.sizeZyx) * labelMap.voxels.BYTES_PER_ELEMENT);
  const voxels = labelMap.voxels instanceof Uint8Array ? new Uint8Array(buffer) : new Uint16Array(buffer);
  eachRow(grid, (row, inWhole, columns) =>
    voxels.set(labelMap.voxels.subarray(inWhole, inWhole + columns), row),
  );
  return { voxels, geometry: grid.geometry };
}

/** Puts labels or probabilities of the box back into the whole image, with 0 around it. */
export function putBack<T extends LabelMap | ProbabilityMap>(map: T, grid: CroppedGrid): T {
  const buffer = new SharedArrayBuffer(voxelCount(grid.whole.sizeZyx) * map.voxels.BYTES_PER_ELEMENT);
  const voxels = arrayLike(map.voxels, buffer);
  eachRow(grid, (row, inWhole, columns) => voxels.set(map.voxels.subarray(row, row + columns), inWhole));
  return { ...map, voxels, geometry: grid.whole };
}

function arrayLike(voxels: LabelMap["voxels"] | ProbabilityMap["voxels"], buffer: SharedArrayBuffer) {
  if (voxels instanceof Float32Array) return new Float32Array(buffer);
  return voxels instanceof Uint8Array ? new Uint8Array(buffer) : new Uint16Array(buffer);
}

/** Visits the rows of the box, with the index of their first voxel in the box and in the whole image. */
function eachRow(
  { startZyx, geometry, whole }: CroppedGrid,
  visit: (row: number, inWhole: number, columns: number) => void,
): void {
  const [slices, rows, columns] = geometry.sizeZyx;
  const [, wholeRows, wholeColumns] = whole.sizeZyx;
  for (let z = 0; z < slices; z++)
    for (let y = 0; y < rows; y++)
      visit(
        (z * rows + y) * columns,
        ((z + startZyx[0]) * wholeRows + y + startZyx[1]) * wholeColumns + startZyx[2],
        columns,
      );
}
