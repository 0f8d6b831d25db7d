import { damagedPickle } from "./damaged-pickle.js";
import { NumpyDtype } from "./numpy-dtype.js";
import { type GlobalTable, globalTable, StatefulValue } from "./pickle-global.js";
import { UnreadObject } from "./unread-object.js";

/** numpy's scalars and arrays, under the module names of numpy 1 (`numpy.core`) and 2 (`numpy._core`). */
export const numpyGlobals: GlobalTable = globalTable(
  ...["numpy.core", "numpy._core"].flatMap((core) => [
    { name: `${core}.multiarray.scalar`, construct: scalar },
    { name: `${core}.multiarray._reconstruct`, construct: () => new NumpyArray() },
    { name: `${core}.numeric._frombuffer`, construct: fromBuffer },
  ]),
  { name: "numpy.dtype", construct: ([code]: readonly unknown[]) => new NumpyDtype(code) },
  { name: "numpy.ndarray" },
);

/** `numpy.ndarray`. The pickle sets its state after construction, and its values are decoded on access. */
export class NumpyArray extends StatefulValue {
  shape: readonly number[] = [];
  #dtype: NumpyDtype | null = null;
  #isFortranOrder = false;
  /**
   * A string has one character per byte. It is converted only on access, because many arrays may share it.
   */
  #data: string | Uint8Array | readonly unknown[] = [];

  /** The state is (version, shape, dtype, is Fortran order, bytes or list). */
  override setState(state: unknown): void {
    if (!Array.isArray(state)) throw damagedPickle("a numpy array without its state");
    const [, shape, dtype, isFortranOrder, data] = state as readonly unknown[];
    this.shape = shapeOf(shape);
    this.#isFortranOrder = isFortranOrder === true && this.shape.length > 1;
    if (dtype instanceof NumpyDtype) this.#dtype = dtype;
    const isData = typeof data === "string" || data instanceof Uint8Array || Array.isArray(data);
    this.#data = isData ? (data as string | Uint8Array | readonly unknown[]) : [];
  }

  /** The length of Python's `tolist()`, which may be large even for an array without values. */
  get rowCount(): number {
    return this.shape[0] ?? 1;
  }

  get valueCount(): number {
    return this.shape.reduce((a, b) => a * b, 1);
  }

  /** Returns the values in C order (last axis fastest). */
  values(): readonly unknown[] {
    const { valueCount: count } = this;
    if (this.#isFortranOrder) throw damagedPickle("a numpy array in Fortran order");
    const data = this.#data;
    const bytes = data instanceof Uint8Array || typeof data === "string" ? data : null;
    if (bytes !== null && bytes.length !== count * (this.#dtype?.itemSize ?? 0))
      throw damagedPickle(`a numpy array of shape ${this.shape.join("×")} in ${bytes.length} bytes`);
    const decoded = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    const values = decoded === null ? (data as readonly unknown[]) : this.#dtype?.decode(decoded, count);
    if (values?.length !== count) throw damagedPickle(`a numpy array of shape ${this.shape.join("×")}`);
    return values;
  }
}

/** `scalar(dtype, bytes)`. */
function scalar([dtype, bytes]: readonly unknown[]): unknown {
  if (!(dtype instanceof NumpyDtype)) throw damagedPickle("a numpy scalar without dtype");
  if (!isReadable(dtype)) return new UnreadObject(`a numpy value of type ${dtype.kind}${dtype.itemSize}`);
  const data = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
  if (!(data instanceof Uint8Array)) throw damagedPickle("a numpy scalar without value");
  return dtype.decode(data.subarray(0, dtype.itemSize), 1)[0];
}

/** Complex numbers, dates and records are not supported. */
const isReadable = ({ kind }: NumpyDtype): boolean => "fiubSU".includes(kind);

/** `_frombuffer(bytes, dtype, shape, order)` of protocol 5. */
function fromBuffer([bytes, dtype, shape, order]: readonly unknown[]): NumpyArray {
  const array = new NumpyArray();
  array.setState([1, shape, dtype, order === "F", bytes]);
  return array;
}

/** numpy's own limit. */
const maxAxes = 64;

/** Longer than any axis whose values are used. An array without values may claim any size at no cost. */
const maxAxisLength = 2 ** 32;

function shapeOf(value: unknown): number[] {
  const sizes: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (sizes.length > maxAxes) throw damagedPickle(`a numpy array of ${sizes.length} axes`);
  return sizes.map((size) => {
    const isSize = Number.isSafeInteger(size) && (size as number) >= 0 && (size as number) <= maxAxisLength;
    if (!isSize) throw damagedPickle("a numpy array's shape");
    return size as number;
  });
}
