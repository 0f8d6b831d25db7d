import type { FileHandle } from "node:fs/promises";
import { ProcessorError } from "../../processor/errors.js";
import type { PickleObject, PickleValue } from "./pickle-reader.js";

export type TensorDtype =
  | "float64"
  | "float32"
  | "float16"
  | "bfloat16"
  | "int64"
  | "int32"
  | "int16"
  | "int8"
  | "uint8"
  | "bool";

export const bytesPerElement: Readonly<Record<TensorDtype, number>> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
};

/** Raw little-endian numbers at a place in a file; nothing is read until a tensor is asked for. */
export interface Storage extends PickleObject {
  readonly kind: "storage";
  readonly dtype: TensorDtype;
  readonly elements: number;
  /** Set when the place is known: a legacy file tells it only behind its pickle. */
  byteOffset: number;
}

/** A view of a storage, as torch's `_rebuild_tensor_v2` describes it. */
export interface Tensor extends PickleObject {
  readonly kind: "tensor";
  readonly storage: Storage;
  /** In elements. */
  readonly storageOffset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

export const isTensor = (value: PickleValue | undefined): value is Tensor =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "tensor";

export const elementCount = (shape: readonly number[]): number =>
  shape.reduce((count, size) => count * size, 1);

/**
 * Reads one tensor as float32 in C order, whatever its dtype and strides.
 *
 * @param file opened for reading
 */
export async function readTensor(file: FileHandle, path: string, tensor: Tensor): Promise<Float32Array> {
  const { storage, shape } = tensor;
  const size = bytesPerElement[storage.dtype];
  const count = elementCount(shape);
  const span = elementSpan(tensor);
  const bytes = Buffer.allocUnsafeSlow(span * size);
  const { bytesRead } = await file.read(
    bytes,
    0,
    bytes.length,
    storage.byteOffset + tensor.storageOffset * size,
  );
  if (bytesRead < bytes.length) {
    throw new ProcessorError(
      "CHECKPOINT_TRUNCATED",
      `${path}: ends inside a tensor of shape (${shape.join(", ")})`,
    );
  }
  const values = toFloat32(bytes, storage.dtype);
  return isContiguous(tensor) ? values : gather(values, tensor, count);
}

/** Elements between the first and the last one that the tensor touches, both included. */
export const elementSpan = ({ shape, strides }: Tensor): number =>
  elementCount(shape) === 0 ? 0 : shape.reduce((last, size, axis) => last + (size - 1) * strides[axis]!, 1);

function isContiguous({ shape, strides }: Tensor): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

function gather(values: Float32Array, { shape, strides }: Tensor, count: number): Float32Array {
  const result = new Float32Array(count);
  const index = shape.map(() => 0);
  let from = 0;
  for (let i = 0; i < count; i++) {
    result[i] = values[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}

function toFloat32(bytes: Buffer, dtype: TensorDtype): Float32Array {
  const { buffer, byteOffset } = bytes;
  const count = bytes.length / bytesPerElement[dtype];
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer, byteOffset, count);
    case "float64":
      return Float32Array.from(new Float64Array(buffer, byteOffset, count));
    case "float16":
      return Float32Array.from(new Uint16Array(buffer, byteOffset, count), halfToFloat);
    case "bfloat16": {
      const bits = Uint32Array.from(new Uint16Array(buffer, byteOffset, count), (half) => half << 16);
      return new Float32Array(bits.buffer);
    }
    case "int64":
      return Float32Array.from(new BigInt64Array(buffer, byteOffset, count), Number);
    case "int32":
      return Float32Array.from(new Int32Array(buffer, byteOffset, count));
    case "int16":
      return Float32Array.from(new Int16Array(buffer, byteOffset, count));
    case "int8":
      return Float32Array.from(new Int8Array(buffer, byteOffset, count));
    case "uint8":
    case "bool":
      return Float32Array.from(bytes);
  }
}

function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
