import { imageError } from "../errors.js";

/** The most bytes of voxels that one typed array can hold. */
const largestBytes = 2 ** 36;

/**
 * Checks the sizes in a header before memory is allocated for the voxels.
 *
 * @throws IMAGE_EMPTY, IMAGE_INVALID, IMAGE_TRUNCATED
 */
export function checkSizes(path: string, sizes: readonly number[], bytesPerVoxel: number): void {
  const shown = sizes.join(" × ");
  if (sizes.some((size) => !Number.isSafeInteger(size) || size < 0)) {
    throw imageError("IMAGE_INVALID", `${path}: its size is ${shown}`);
  }
  if (sizes.length === 0 || sizes.includes(0))
    throw imageError("IMAGE_EMPTY", `${path}: its size is ${shown}`);
  const bytes = sizes.reduce((product, size) => product * size, bytesPerVoxel);
  if (bytes > largestBytes) {
    throw imageError("IMAGE_TRUNCATED", `${path}: the header announces ${shown} voxels, ${bytes} bytes`);
  }
}
