/** Sizes of an array that is stored in chunks, and these in blocks: `channel, z, y, x`, or any other axes in C order. */
export interface ChunkedShape {
  readonly shape: readonly number[];
  readonly chunk: readonly number[];
  readonly block: readonly number[];
}

export const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);

const divided = (sizes: readonly number[], by: readonly number[]): readonly number[] =>
  sizes.map((size, axis) => Math.ceil(size / by[axis]!));

/** The numbers of chunks along the axes. */
export const chunkCounts = ({ shape, chunk }: ChunkedShape): readonly number[] => divided(shape, chunk);

/** The number of numbers in a chunk, which is padded to whole blocks. */
export const numbersPerChunk = ({ chunk, block }: ChunkedShape): number =>
  product(divided(chunk, block)) * product(block);

/** A run of neighbouring numbers: where it is in the array and in the chunk. */
export type Run = (inArray: number, inChunk: number, length: number) => void;

/** Calls `run` for each row of each block of a chunk that is inside the array. */
export function eachRun({ shape, chunk, block }: ChunkedShape, chunkIndex: number, run: Run): void {
  const start = unravelled(chunkIndex, divided(shape, chunk)).map((at, axis) => at * chunk[axis]!);
  const counts = divided(chunk, block);
  const strides = shape.map((_, axis) => product(shape.slice(axis + 1)));
  const blockStrides = block.map((_, axis) => product(block.slice(axis + 1)));
  const last = shape.length - 1;
  for (let index = 0; index < product(counts); index++) {
    const corner = unravelled(index, counts).map((at, axis) => at * block[axis]!);
    // A block may go beyond its chunk, and a chunk beyond the array: both are padded there.
    const sizes = corner.map((at, axis) =>
      Math.min(block[axis]!, chunk[axis]! - at, shape[axis]! - start[axis]! - at),
    );
    if (sizes.some((size) => size <= 0)) continue;
    const rows = (axis: number, inArray: number, inChunk: number): void => {
      if (axis === last) run(inArray, inChunk, sizes[last]!);
      else
        for (let i = 0; i < sizes[axis]!; i++)
          rows(axis + 1, inArray + i * strides[axis]!, inChunk + i * blockStrides[axis]!);
    };
    const first = corner.reduce((sum, at, axis) => sum + (start[axis]! + at) * strides[axis]!, 0);
    rows(0, first, index * product(block));
  }
}

function unravelled(index: number, counts: readonly number[]): number[] {
  const place: number[] = [];
  let rest = index;
  for (let axis = counts.length - 1; axis >= 0; axis--) {
    place.unshift(rest % counts[axis]!);
    rest = Math.floor(rest / counts[axis]!);
  }
  return place;
}
