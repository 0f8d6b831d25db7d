/** A tensor of a checkpoint: the position of its values in the file. The values are not in memory. */
export interface Tensor {
  readonly shape: readonly number[];
  /** In elements, per axis. */
  readonly strides: readonly number[];
  readonly storage: Storage;
  /** Position of the first value, in elements from the start of the storage. */
  readonly storageOffset: number;
}

/** A sequence of little-endian values in a file. Several tensors may share it. */
export interface Storage {
  readonly file: string;
  readonly byteOffset: number;
  readonly elementType: ElementType;
  readonly elementCount: number;
}

export type ElementType = keyof typeof elementSizes;

/** Bytes per element. */
export const elementSizes = {
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
  complex128: 16,
  complex64: 8,
  qint8: 1,
  quint8: 1,
  qint32: 4,
  quint4x2: 1,
  quint2x4: 1,
} as const;

/** False for complex numbers and quantised integers, which nnU-Net's networks do not use. */
export const isReadable = (elementType: ElementType): boolean => !/^(?:complex|q)/.test(elementType);

export const elementCount = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Checks a value that comes out of a pickle. */
export const isTensor = (value: unknown): value is Tensor =>
  typeof value === "object" && value !== null && "storage" in value && "strides" in value;

/** Returns whether the values are in the order of the shape, last axis fastest. */
export function isContiguous({ shape, strides }: Tensor): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis] as number;
  }
  return true;
}
