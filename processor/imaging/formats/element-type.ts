import type { VoxelArray } from "../volume/image.js";

export type ElementType =
  | "int8"
  | "uint8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "uint64"
  | "float32"
  | "float64";

interface TypedArrayConstructor {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): VoxelArray;
}

const constructors: Readonly<Record<ElementType, TypedArrayConstructor>> = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float32: Float32Array,
  float64: Float64Array,
};

export const bytesOf = (type: ElementType): number => constructors[type].BYTES_PER_ELEMENT;

export const elementTypeOf = (voxels: VoxelArray): ElementType =>
  (Object.keys(constructors) as ElementType[]).find(
    (type) => voxels instanceof (constructors[type] as never),
  )!;

/** Views bytes as numbers; big-endian bytes are swapped in place. */
export function decodeElements(bytes: Buffer, type: ElementType, isBigEndian: boolean): VoxelArray {
  const size = bytesOf(type);
  if (isBigEndian) {
    if (size === 2) bytes.swap16();
    if (size === 4) bytes.swap32();
    if (size === 8) bytes.swap64();
  }
  return new constructors[type](bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / size));
}

/**
 * Makes the axis with the components the slowest one, so that each component is a volume.
 *
 * @param faster sizes of the axes that are faster than the components; none for vectors of MetaImage
 */
export function separateComponents(
  voxels: VoxelArray,
  components: number,
  faster: readonly number[] = [],
): VoxelArray {
  if (components === 1) return voxels;
  const inner = faster.reduce((product, size) => product * size, 1);
  const outer = voxels.length / components / inner;
  const result = voxels.slice() as VoxelArray;
  for (let component = 0; component < components; component++) {
    for (let o = 0; o < outer; o++) {
      const from = (o * components + component) * inner;
      const to = (component * outer + o) * inner;
      for (let i = 0; i < inner; i++) result[to + i] = voxels[from + i] as never;
    }
  }
  return result;
}
