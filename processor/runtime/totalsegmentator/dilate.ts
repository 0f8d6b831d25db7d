import type { Zyx } from "../../imaging/volume/axes.js";

/**
 * Returns a mask that is enlarged (or, for a negative number of steps, reduced) by one voxel along each axis for each
 * step, as `scipy.ndimage.binary_dilation` and `binary_erosion` do. Outside of the volume there is nothing.
 */
export function dilated(mask: Uint8Array, sizeZyx: Zyx, steps: number): Uint8Array {
  const full = steps < 0 ? 0 : 1;
  let current = mask;
  for (let step = 0; step < Math.abs(steps); step++) current = spread(current, sizeZyx, full);
  return current;
}

/** Gives every voxel next to one with this value that value. Beyond the border, all voxels are 0. */
function spread(mask: Uint8Array, [slices, rows, columns]: Zyx, value: 0 | 1): Uint8Array {
  const result = Uint8Array.from(mask);
  const plane = rows * columns;
  const isBorderValue = value === 0;
  for (let z = 0, at = 0; z < slices; z++)
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++, at++) {
        if (mask[at] === value) continue;
        const touches =
          (x > 0 ? mask[at - 1] === value : isBorderValue) ||
          (x < columns - 1 ? mask[at + 1] === value : isBorderValue) ||
          (y > 0 ? mask[at - columns] === value : isBorderValue) ||
          (y < rows - 1 ? mask[at + columns] === value : isBorderValue) ||
          (z > 0 ? mask[at - plane] === value : isBorderValue) ||
          (z < slices - 1 ? mask[at + plane] === value : isBorderValue);
        if (touches) result[at] = value;
      }
  return result;
}
