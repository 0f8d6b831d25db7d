import type { VoxelArray } from "./image.js";

/** As many numbers as fit into the cache of a core. */
const blockLength = 16_384;

/**
 * Gives the voxels of any type as blocks of float64. A loop over blocks of one type is several times as fast as one over voxels
 * whose type is not known. Each block overwrites the one before it.
 */
export function* numberBlocks(voxels: VoxelArray): Generator<Float64Array> {
  const block = new Float64Array(blockLength);
  for (let start = 0; start < voxels.length; start += blockLength) {
    const part = voxels.subarray(start, start + blockLength);
    if (part instanceof BigInt64Array || part instanceof BigUint64Array)
      for (let i = 0; i < part.length; i++) block[i] = Number(part[i]);
    else block.set(part);
    yield part.length === blockLength ? block : block.subarray(0, part.length);
  }
}
