import { voxelCount, type Zyx } from "./axes.js";
import type { CaseVolume } from "./case-volume.js";
import type { Geometry } from "./geometry.js";
import type { LabelMap } from "./label-map.js";
import type { ProbabilityMap } from "./probability-map.js";

/** The part of an image that networks see. */
export interface CroppedGrid {
  readonly startZyx: Zyx;
  readonly geometry: Geometry;
  /** The grid of the whole image. */
  readonly whole: Geometry;
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

/** Puts values of the box back into the whole image, with another value around it. */
export function fillAround(values: Float32Array, grid: CroppedGrid, outside: number): Float32Array {
  const whole = new Float32Array(voxelCount(grid.whole.sizeZyx)).fill(outside);
  eachRow(grid, (row, inWhole, columns) => whole.set(values.subarray(row, row + columns), inWhole));
  return whole;
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
