import { ProcessorError } from "../../../processor/errors.js";
import { halfToFloat } from "../../../processor/volume/float16.js";
import { shortText } from "../short-text.js";
import { narrow } from "./integers.js";
import { type GlobalTable, globalTable, StatefulValue } from "./pickle-global.js";

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

/** Values become objects when they are looked at; what nnU-Net looks at has a few thousand. */
const maxDecoded = 4_000_000;

/** `numpy.dtype`: `f4`, `i8`, `b1`, `U10`, `O` … and its byte order. */
export class NumpyDtype extends StatefulValue {
  readonly kind: string;
  readonly itemSize: number;
  isBigEndian = false;

  constructor(code: unknown) {
    super();
    const name = typeof code === "string" ? code : "";
    const [, order, kind, size] = /^([<>|=]?)([a-zA-Z])(\d{0,9})$/.exec(name) ?? [];
    if (kind === undefined) throw damaged(`numpy.dtype(${shortText(code)})`);
    this.kind = kind;
    this.itemSize = Number(size || 0) * (kind === "U" ? 4 : 1);
    this.isBigEndian = order === ">";
  }

  /** The state is (version, byte order, subtype, names, fields, size, alignment, flags). */
  override setState(state: unknown): void {
    if (!Array.isArray(state) || state[3] != null) throw damaged("a numpy.dtype with fields");
    if (state[1] === ">") this.isBigEndian = true;
  }

  decode(bytes: Uint8Array, count: number): unknown[] {
    if (count > maxDecoded) throw damaged(`a numpy array of ${count} values`);
    if (!(count >= 0 && bytes.length >= count * this.itemSize)) {
      throw damaged(`${count} numpy values of ${this.itemSize} bytes in ${bytes.length} bytes`);
    }
    const read = this.#reader(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    return Array.from({ length: count }, (_, i) => read(i * this.itemSize));
  }

  #reader(view: DataView): (offset: number) => unknown {
    const little = !this.isBigEndian;
    switch (`${this.kind}${this.itemSize}`) {
      case "f2":
        return (at) => halfToFloat(view.getUint16(at, little));
      case "f4":
        return (at) => view.getFloat32(at, little);
      case "f8":
        return (at) => view.getFloat64(at, little);
      case "i1":
        return (at) => view.getInt8(at);
      case "i2":
        return (at) => view.getInt16(at, little);
      case "i4":
        return (at) => view.getInt32(at, little);
      case "i8":
        return (at) => narrow(view.getBigInt64(at, little));
      case "u1":
        return (at) => view.getUint8(at);
      case "u2":
        return (at) => view.getUint16(at, little);
      case "u4":
        return (at) => view.getUint32(at, little);
      case "u8":
        return (at) => narrow(view.getBigUint64(at, little));
      case "b1":
        return (at) => view.getUint8(at) !== 0;
    }
    if (this.kind === "S" && this.itemSize > 0) return (at) => text(view, at, this.itemSize, 1);
    if (this.kind === "U" && this.itemSize > 0) return (at) => text(view, at, this.itemSize, 4);
    throw damaged(`numpy values of type ${this.kind}${this.itemSize}`);
  }
}

/** `numpy.ndarray`, filled by its state; its values are decoded when they are asked for. */
export class NumpyArray extends StatefulValue {
  shape: readonly number[] = [];
  #dtype: NumpyDtype | undefined;
  /** A text has one character per byte. It stays one until it is looked at: many arrays may share it. */
  #data: string | Uint8Array | readonly unknown[] = [];

  /** The state is (version, shape, dtype, is Fortran order, bytes or list). */
  override setState(state: unknown): void {
    if (!Array.isArray(state)) throw damaged("a numpy array without its state");
    const [, shape, dtype, isFortranOrder, data] = state as readonly unknown[];
    this.shape = shapeOf(shape);
    if (isFortranOrder === true && this.shape.length > 1) throw damaged("a numpy array in Fortran order");
    if (!(dtype instanceof NumpyDtype)) throw damaged("a numpy array without dtype");
    const isData = typeof data === "string" || data instanceof Uint8Array || Array.isArray(data);
    if (!isData) throw damaged("a numpy array without data");
    this.#dtype = dtype;
    this.#data = data as string | Uint8Array | readonly unknown[];
  }

  /** Flat, in C order (last axis fastest). */
  values(): readonly unknown[] {
    const count = this.shape.reduce((a, b) => a * b, 1);
    const data = typeof this.#data === "string" ? Buffer.from(this.#data, "latin1") : this.#data;
    const values = data instanceof Uint8Array ? this.#dtype?.decode(data, count) : data;
    if (values?.length !== count) throw damaged(`a numpy array of shape ${this.shape.join("×")}`);
    return values;
  }
}

/** `scalar(dtype, bytes)`. */
function scalar([dtype, bytes]: readonly unknown[]): unknown {
  if (!(dtype instanceof NumpyDtype)) throw damaged("a numpy scalar without dtype");
  const data = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
  if (!(data instanceof Uint8Array)) throw damaged("a numpy scalar without value");
  return dtype.decode(data, 1)[0];
}

/** `_frombuffer(bytes, dtype, shape, order)`, protocol 5. */
function fromBuffer([bytes, dtype, shape, order]: readonly unknown[]): NumpyArray {
  const array = new NumpyArray();
  array.setState([1, shape, dtype, order === "F", bytes]);
  return array;
}

function shapeOf(value: unknown): number[] {
  const sizes = Array.isArray(value) ? value : [value];
  return sizes.map((size) => {
    if (!(Number.isSafeInteger(size) && (size as number) >= 0)) throw damaged("a numpy array's shape");
    return size as number;
  });
}

/** Without the zeros that numpy fills up with. */
function text(view: DataView, offset: number, length: number, characterSize: 1 | 4): string {
  let end = offset + length;
  const at = (position: number) =>
    characterSize === 1 ? view.getUint8(position) : view.getUint32(position, true);
  while (end > offset && at(end - characterSize) === 0) end -= characterSize;
  if (characterSize === 1)
    return Buffer.from(view.buffer, view.byteOffset + offset, end - offset).toString("latin1");
  let result = "";
  for (let from = offset; from < end; from += charactersAtOnce * 4) {
    const codes: number[] = [];
    for (let i = from; i < Math.min(end, from + charactersAtOnce * 4); i += 4) codes.push(at(i));
    if (codes.some((code) => code > 0x10ffff)) throw damaged("a numpy string");
    result += String.fromCodePoint(...codes);
  }
  return result;
}

const charactersAtOnce = 1024;

const damaged = (what: string) => new ProcessorError("MODEL_FILE_INVALID", `damaged pickle: ${what}`);
