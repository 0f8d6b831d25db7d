import { voxelCount, type Zyx } from "../../../processor/imaging/volume/axes.js";
import { percentileOfSorted } from "../planning/percentile.js";
import { squaredDistances } from "./squared-distances.js";

/** How far the surfaces of a reference and a prediction are apart. */
export interface SurfaceScores {
  /** The 95th percentile of all distances between the surfaces, in both directions, in mm (as medpy's `hd95`). */
  readonly hd95Mm: number;
  /** The share of both surfaces' voxels within the tolerance of the other surface, from 0 to 1. */
  readonly surfaceDice: number;
}

export interface SurfaceTask {
  /** `z × y × x`, 1 where the reference has the label. */
  readonly reference: Uint8Array;
  readonly prediction: Uint8Array;
  readonly sizeZyx: Zyx;
  readonly spacingMmZyx: Zyx;
  /** True for a flat image, whose masks have a surface along their outline only. */
  readonly isFlat: boolean;
  readonly toleranceMm: number;
}

/**
 * Compares the surfaces of two masks. A surface is the voxels of a mask that have a neighbour, across a face, outside the
 * mask; voxels outside the image are outside the mask.
 *
 * @returns NaN for both scores if a mask is empty, but a surface Dice of 0 if only one is
 */
export function surfaceScores(task: SurfaceTask): SurfaceScores {
  const { toleranceMm, sizeZyx, spacingMmZyx } = task;
  const reference = surfaceOf(task.reference, task);
  const prediction = surfaceOf(task.prediction, task);
  if (reference.length === 0 || prediction.length === 0) {
    const isOnlyOne = reference.length + prediction.length > 0;
    return { hd95Mm: Number.NaN, surfaceDice: isOnlyOne ? 0 : Number.NaN };
  }
  const grid = { sizeZyx, spacingMmZyx };
  const distances = [
    ...distancesFrom(prediction, squaredDistances(reference, grid)),
    ...distancesFrom(reference, squaredDistances(prediction, grid)),
  ].sort((a, b) => a - b);
  // Distances are sums of products of spacings; a voxel at the tolerance itself must not fall out by rounding.
  const near = distances.filter((distance) => distance <= toleranceMm * (1 + 1e-9)).length;
  return { hd95Mm: percentileOfSorted(distances, 95), surfaceDice: near / distances.length };
}

const distancesFrom = (surface: Uint32Array, squaredMm: Float64Array): number[] =>
  Array.from(surface, (voxel) => Math.sqrt(squaredMm[voxel]!));

function surfaceOf(
  mask: Uint8Array,
  { sizeZyx, isFlat }: Pick<SurfaceTask, "sizeZyx" | "isFlat">,
): Uint32Array {
  const [slices, rows, columns] = sizeZyx;
  const found: number[] = [];
  const strideZ = rows * columns;
  let i = 0;
  for (let z = 0; z < slices; z++)
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++, i++) {
        if (mask[i] === 0) continue;
        const isInside =
          x > 0 &&
          x + 1 < columns &&
          y > 0 &&
          y + 1 < rows &&
          (isFlat || (z > 0 && z + 1 < slices && mask[i - strideZ] === 1 && mask[i + strideZ] === 1)) &&
          mask[i - 1] === 1 &&
          mask[i + 1] === 1 &&
          mask[i - columns] === 1 &&
          mask[i + columns] === 1;
        if (!isInside) found.push(i);
      }
  return Uint32Array.from(found);
}

export interface MaskBox {
  readonly startZyx: Zyx;
  readonly sizeZyx: Zyx;
}

/** Returns the box of all voxels that are not 0 in one of the masks; null if there are none. */
export function boxOf(masks: readonly Uint8Array[], sizeZyx: Zyx): MaskBox | null {
  const [slices, rows, columns] = sizeZyx;
  const low = [slices, rows, columns];
  const high = [-1, -1, -1];
  let i = 0;
  for (let z = 0; z < slices; z++)
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++, i++) {
        if (!masks.some((mask) => mask[i] !== 0)) continue;
        for (const [axis, at] of [z, y, x].entries()) {
          low[axis] = Math.min(low[axis]!, at);
          high[axis] = Math.max(high[axis]!, at);
        }
      }
  const [z = 0, y = 0, x = 0] = low;
  const [lastZ = 0, lastY = 0, lastX = 0] = high;
  return lastZ < 0 ? null : { startZyx: [z, y, x], sizeZyx: [lastZ - z + 1, lastY - y + 1, lastX - x + 1] };
}

/** Returns the part of a mask in a box. */
export function cutOut(mask: Uint8Array, sizeZyx: Zyx, { startZyx, sizeZyx: size }: MaskBox): Uint8Array {
  const cut = new Uint8Array(voxelCount(size));
  let target = 0;
  for (let z = 0; z < size[0]; z++)
    for (let y = 0; y < size[1]; y++) {
      const row = ((startZyx[0] + z) * sizeZyx[1] + startZyx[1] + y) * sizeZyx[2] + startZyx[2];
      cut.set(mask.subarray(row, row + size[2]), target);
      target += size[2];
    }
  return cut;
}
