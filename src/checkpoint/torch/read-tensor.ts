import { type FileHandle, open } from "node:fs/promises";
import { halfToFloat } from "../../../processor/imaging/volume/float16.js";
import { readExactly } from "./read-exactly.js";
import { type ElementType, elementCount, elementSizes, isContiguous, type Tensor } from "./tensor.js";

/** Values per chunk: 4 MiB as float32. */
const chunkElements = 2 ** 20;

/**
 * Yields a tensor's values as float32 in C order (last axis fastest), in chunks, so that memory does not grow
 * with the tensor.
 */
export async function* float32Chunks(tensor: Tensor): AsyncGenerator<Float32Array<ArrayBuffer>> {
  const handle = await open(tensor.storage.file, "r");
  try {
    if (isContiguous(tensor)) yield* contiguousChunks(tensor, handle);
    else yield* stridedChunks(tensor, handle);
  } finally {
    await handle.close();
  }
}

async function* contiguousChunks(
  tensor: Tensor,
  handle: FileHandle,
): AsyncGenerator<Float32Array<ArrayBuffer>> {
  const count = elementCount(tensor.shape);
  for (let start = 0; start < count; start += chunkElements) {
    const length = Math.min(chunkElements, count - start);
    yield await readElements(tensor, handle, { start: tensor.storageOffset + start, length });
  }
}

/**
 * Reads a transposed or channels-last tensor: loads the range that it covers once and gathers the values in
 * memory.
 */
async function* stridedChunks(tensor: Tensor, handle: FileHandle): AsyncGenerator<Float32Array<ArrayBuffer>> {
  const { shape, strides } = tensor;
  const count = elementCount(shape);
  if (count === 0) return;
  const span = shape.reduce((sum, size, axis) => sum + (size - 1) * (strides[axis] as number), 1);
  const values = await readElements(tensor, handle, { start: tensor.storageOffset, length: span });
  const index = shape.map(() => 0);
  let at = 0;
  for (let start = 0; start < count; start += chunkElements) {
    const chunk = new Float32Array(Math.min(chunkElements, count - start));
    for (let i = 0; i < chunk.length; i++) {
      chunk[i] = values[at] as number;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        index[axis]!++;
        at += strides[axis] as number;
        if (index[axis]! < shape[axis]!) break;
        at -= shape[axis]! * strides[axis]!;
        index[axis] = 0;
      }
    }
    yield chunk;
  }
}

async function readElements(
  { storage }: Tensor,
  handle: FileHandle,
  { start, length }: { readonly start: number; readonly length: number },
): Promise<Float32Array<ArrayBuffer>> {
  const size = elementSizes[storage.elementType];
  const bytes = await readExactly(handle, {
    file: storage.file,
    position: storage.byteOffset + start * size,
    length: length * size,
  });
  return toFloat32(bytes.buffer, storage.elementType);
}

function toFloat32(buffer: ArrayBuffer, elementType: ElementType): Float32Array<ArrayBuffer> {
  switch (elementType) {
    case "float32":
      return new Float32Array(buffer);
    case "float64":
      return Float32Array.from(new Float64Array(buffer));
    case "float16":
      return Float32Array.from(new Uint16Array(buffer), halfToFloat);
    case "bfloat16":
      return bfloat16ToFloat32(new Uint16Array(buffer));
    case "int64":
      return Float32Array.from(new BigInt64Array(buffer), Number);
    case "int32":
      return Float32Array.from(new Int32Array(buffer));
    case "int16":
      return Float32Array.from(new Int16Array(buffer));
    case "int8":
      return Float32Array.from(new Int8Array(buffer));
    case "uint8":
    case "bool":
      return Float32Array.from(new Uint8Array(buffer));
    default:
      throw new Error(`values of type ${elementType}`); // callers check isReadable first
  }
}

/** bfloat16 is the upper half of a float32. */
function bfloat16ToFloat32(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
}
