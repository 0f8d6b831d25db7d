import {
  dictWithKeys,
  float,
  integer,
  list,
  none,
  numpyArray,
  type Pickled,
  text,
  truth,
  tuple,
} from "../../../processor/nnunet-files/pickle-bytes.js";

/** A numpy array of float64 or int64. */
export class NumpyVector {
  readonly values: readonly number[];
  readonly type: "f8" | "i8";

  constructor(values: readonly number[], type: "f8" | "i8") {
    this.values = values;
    this.type = type;
  }
}

/** A number that Python holds as a float. */
export class PickledFloat {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** A tuple of Python. */
export class PickledTuple {
  readonly items: readonly PicklableValue[];

  constructor(items: readonly PicklableValue[]) {
    this.items = items;
  }
}

/** A value that v1's pickles hold. The keys of a map are numbers or texts; those of an object are texts. */
export type PicklableValue =
  | null
  | boolean
  | number
  | string
  | NumpyVector
  | PickledFloat
  | PickledTuple
  | Uint8Array
  | readonly PicklableValue[]
  | ReadonlyMap<number | string, PicklableValue>
  | { readonly [key: string]: PicklableValue };

/** Returns a value as opcodes. Bytes are opcodes already. */
export function pickledValue(value: PicklableValue): Pickled {
  if (value === null) return none;
  if (typeof value === "boolean") return truth(value);
  if (typeof value === "number") return Number.isSafeInteger(value) ? integer(value) : float(value);
  if (typeof value === "string") return text(value);
  if (value instanceof Uint8Array) return value;
  if (value instanceof NumpyVector)
    return numpyArray(value.values, { shape: [value.values.length], type: value.type });
  if (value instanceof PickledFloat) return float(value.value);
  if (value instanceof PickledTuple) return tuple(value.items.map(pickledValue));
  if (Array.isArray(value)) return list((value as readonly PicklableValue[]).map(pickledValue));
  const entries: readonly (readonly [number | string, PicklableValue])[] =
    value instanceof Map
      ? [...(value as ReadonlyMap<number | string, PicklableValue>)]
      : Object.entries(value as { readonly [key: string]: PicklableValue });
  return dictWithKeys(entries.map(([key, item]) => [pickledValue(key), pickledValue(item)]));
}
