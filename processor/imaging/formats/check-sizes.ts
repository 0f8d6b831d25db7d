import { imageError } from "../errors.js";

/** One typed array must be able to hold the voxels. */
const largestBytes = 2 ** 36;

/** @throws IMAGE_EMPTY, IMAGE_INVALID before anything is allocated for a header's claim */
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
