import { type ChunkedShape, product } from "./block-grid.js";

const mostBlockBytes = 128 * 1024;
const mostChunkBytes = 6 * 1024 ** 2;

/** A patch is read from at most a few chunks if these are up to this many times as long as it. */
const chunkPerPatch = 1.5;

/**
 * Chooses chunks and blocks for random patches of training: blocks that fit into the cache of a core, in chunks of about a
 * patch, with the patch's proportions. Channels are stored apart.
 *
 * @param patch `z, y, x`, or `y, x` for slices
 */
export function chooseChunks(
  shape: readonly number[],
  patch: readonly number[],
  bytesPerNumber: number,
): ChunkedShape {
  const sizes = shape.slice(1);
  const wanted = patch.length === 2 ? [1, ...patch] : patch;
  const reach = sizes.map((size, axis) =>
    Math.max(
      1,
      Math.min(size, patch.length === 2 && axis === 0 ? 1 : Math.floor(wanted[axis]! * chunkPerPatch)),
    ),
  );
  const block = sizes.map((size, axis) => Math.min(size, 2 ** Math.ceil(Math.log2(wanted[axis]!))));
  while (product(block) * bytesPerNumber > mostBlockBytes) {
    const axis = largest(block.map((size, i) => (size === 1 ? 0 : size / reach[i]!)));
    block[axis] = Math.max(1, 2 ** (Math.ceil(Math.log2(block[axis]!)) - 1));
  }
  const chunk = [...block];
  for (;;) {
    const room = chunk.map((size, axis) => {
      const longer = Math.min(size + block[axis]!, reach[axis]!);
      const bytes = (product(chunk) / size) * longer * bytesPerNumber;
      return longer > size && bytes <= mostChunkBytes ? reach[axis]! / size : 0;
    });
    if (room.every((value) => value === 0)) break;
    const axis = largest(room);
    chunk[axis] = Math.min(chunk[axis]! + block[axis]!, reach[axis]!);
  }
  return { shape, chunk: [1, ...chunk], block: [1, ...block] };
}

/** Returns the index of the largest value; the last one of equal values. */
const largest = (values: readonly number[]): number => values.lastIndexOf(Math.max(...values));
