import { halfToFloat } from "../../../processor/imaging/volume/float16.js";
import { shortText } from "../../ground/untrusted/short-text.js";
import { damagedPickle } from "./damaged-pickle.js";
import { narrow } from "./integers.js";
import { StatefulValue } from "./pickle-global.js";

/** Values become objects when they are used. The arrays that nnU-Net uses have a few thousand values. */
const maxDecoded = 4_000_000;

/**
 * `numpy.dtype`: the type (`f4`, `i8`, `b1`, `U10`, `O` …) and its byte order. An unknown type fails only
 * when its values are decoded.
 */
export class NumpyDtype extends StatefulValue {
  readonly kind: string;
  readonly itemSize: number;
  isBigEndian = false;
  #hasFields = false;

  constructor(code: unknown) {
    super();
    const name = typeof code === "string" ? code : "";
    const [, order, kind = shortText(code), size] = /^([<>|=]?)([a-zA-Z])(\d{0,9})$/.exec(name) ?? [];
    this.kind = kind;
    this.itemSize = Number(size || 0) * (kind === "U" ? 4 : 1);
    this.isBigEndian = order === ">";
  }

  /** The state is (version, byte order, subtype, names, fields, size, alignment, flags). */
  override setState(state: unknown): void {
    if (!Array.isArray(state)) throw damagedPickle("a numpy.dtype without its state");
    this.#hasFields = state[2] != null || state[3] != null;
    if (state[1] === ">") this.isBigEndian = true;
  }

  /** @throws MODEL_FILE_INVALID unless the bytes are those of `count` values */
  decode(bytes: Uint8Array, count: number): unknown[] {
    if (this.#hasFields) throw damagedPickle("numpy values with fields");
    if (!(count >= 0 && count <= maxDecoded)) throw damagedPickle(`a numpy array of ${count} values`);
    if (bytes.length !== count * this.itemSize)
      throw damagedPickle(`${count} numpy values of ${this.itemSize} bytes in ${bytes.length} bytes`);
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
    throw damagedPickle(`numpy values of type ${this.kind}${this.itemSize || ""}`);
  }
}

/** Decodes a string without numpy's padding zeros. */
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
    if (codes.some((code) => code > 0x10ffff)) throw damagedPickle("a numpy string");
    result += String.fromCodePoint(...codes);
  }
  return result;
}

const charactersAtOnce = 1024;
