import type { AllowedGlobal, PickleObject, PickleValue } from "./pickle-reader.js";

/** A numpy array as pickled: numbers in C order. */
export interface NumpyArray extends PickleObject {
  readonly kind: "ndarray";
  shape: readonly number[];
  values: readonly (number | boolean | string)[];
}

interface NumpyDtype extends PickleObject {
  readonly kind: "dtype";
  readonly code: string;
  littleEndian: boolean;
}

export const isNumpyArray = (value: PickleValue | undefined): value is NumpyArray & PickleObject =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "ndarray";

/** Numpy moved its core from `numpy.core` to `numpy._core` in version 2; files have either. */
export function numpyGlobal(moduleName: string, name: string): AllowedGlobal | undefined {
  const key = `${moduleName.replace(/^numpy\._?core\./, "numpy.core.")} ${name}`;
  return numpyGlobals[key];
}

const numpyGlobals: Readonly<Record<string, AllowedGlobal>> = {
  "numpy dtype": {
    build: ([code]) => ({ kind: "dtype", code: String(code), littleEndian: true }) as NumpyDtype,
    setState: (target, state) => {
      if (isDtype(target) && Array.isArray(state)) target.littleEndian = state[1] !== ">";
      return target;
    },
  },
  "numpy ndarray": { value: { kind: "ndarray class" } },
  "numpy.core.multiarray _reconstruct": {
    build: () => ({ kind: "ndarray", shape: [], values: [] }) as NumpyArray,
    setState: (target, state) => {
      if (!isNumpyArray(target) || !Array.isArray(state)) return target;
      const [, shape, dtype, , data] = state;
      target.shape = Array.isArray(shape) ? shape.map(Number) : [];
      target.values = Array.isArray(data)
        ? (data as (number | string)[])
        : isDtype(dtype)
          ? decode(dtype, bytesOf(data))
          : [];
      return target;
    },
  },
  "numpy.core.multiarray scalar": {
    build: ([dtype, data]) => (isDtype(dtype) ? (decode(dtype, bytesOf(data))[0] ?? null) : null),
  },
  // Protocol 2 has no bytes: numpy's are pickled as latin-1 text to be encoded again.
  "_codecs encode": { build: ([text]) => Buffer.from(String(text), "latin1") },
};

const isDtype = (value: PickleValue | undefined): value is NumpyDtype & PickleObject =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "dtype";

const bytesOf = (value: PickleValue | undefined): Uint8Array =>
  value instanceof Uint8Array ? value : Buffer.from(String(value ?? ""), "latin1");

const readers: Readonly<
  Record<string, readonly [size: number, (v: DataView, at: number, le: boolean) => number | boolean]>
> = {
  f8: [8, (v, at, le) => v.getFloat64(at, le)],
  f4: [4, (v, at, le) => v.getFloat32(at, le)],
  i8: [8, (v, at, le) => Number(v.getBigInt64(at, le))],
  i4: [4, (v, at, le) => v.getInt32(at, le)],
  i2: [2, (v, at, le) => v.getInt16(at, le)],
  i1: [1, (v, at) => v.getInt8(at)],
  u8: [8, (v, at, le) => Number(v.getBigUint64(at, le))],
  u4: [4, (v, at, le) => v.getUint32(at, le)],
  u2: [2, (v, at, le) => v.getUint16(at, le)],
  u1: [1, (v, at) => v.getUint8(at)],
  b1: [1, (v, at) => v.getUint8(at) !== 0],
};

function decode({ code, littleEndian }: NumpyDtype, bytes: Uint8Array): (number | boolean | string)[] {
  const reader = readers[code];
  if (reader === undefined) return [];
  const [size, read] = reader;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, i) =>
    read(view, i * size, littleEndian),
  );
}
