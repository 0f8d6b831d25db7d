/** A value as opcodes of pickle protocol 3, which every Python 3 reads. */
export type Pickled = Uint8Array;

/** Returns the pickle file of one value. */
export const pickleFile = (value: Pickled): Uint8Array =>
  Buffer.concat([Uint8Array.of(0x80, 3), value, opcode(".")]);

export const none: Pickled = opcode("N");

export function text(value: string): Pickled {
  const encoded = Buffer.from(value);
  return Buffer.concat([opcode("X"), uint32(encoded.length), encoded]);
}

export function float(value: number): Pickled {
  const bytes = Buffer.alloc(9);
  bytes.write("G", "latin1");
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

/** @param value within 32 bits */
export function integer(value: number): Pickled {
  const bytes = Buffer.alloc(5);
  bytes.write("J", "latin1");
  bytes.writeInt32LE(value, 1);
  return bytes;
}

export const list = (items: readonly Pickled[]): Pickled =>
  Buffer.concat([opcode("]("), ...items, opcode("e")]);

export const tuple = (items: readonly Pickled[]): Pickled =>
  Buffer.concat([opcode("("), ...items, opcode("t")]);

export type Entries = readonly (readonly [key: string, value: Pickled])[];

export const dict = (entries: Entries): Pickled => Buffer.concat([opcode("}"), items(entries)]);

/** Returns a dict whose keys need not be texts. */
export const dictWithKeys = (entries: readonly (readonly [key: Pickled, value: Pickled])[]): Pickled =>
  Buffer.concat([opcode("}("), ...entries.flat(), opcode("u")]);

export const orderedDict = (entries: Entries): Pickled =>
  Buffer.concat([call("collections.OrderedDict", []), items(entries)]);

const items = (entries: Entries): Pickled =>
  Buffer.concat([opcode("("), ...entries.flatMap(([key, value]) => [text(key), value]), opcode("u")]);

/**
 * Returns a `numpy.ndarray` in C order. It uses the module name of numpy 1, which numpy 2 still accepts in pickles.
 *
 * @param values for `i8`, integers that a double holds exactly
 */
export function numpyArray(
  values: readonly number[],
  { shape, type }: { readonly shape: readonly number[]; readonly type: "f8" | "f4" | "i8" },
): Pickled {
  const data = Buffer.alloc((type === "f4" ? 4 : 8) * values.length);
  for (const [i, value] of values.entries()) {
    if (type === "f8") data.writeDoubleLE(value, 8 * i);
    else if (type === "f4") data.writeFloatLE(value, 4 * i);
    else data.writeBigInt64LE(BigInt(value), 8 * i);
  }
  return numpyBytes(data, { shape, type });
}

/**
 * Returns a `numpy.ndarray` of the given bytes.
 *
 * @param data little-endian, in C order
 */
export function numpyBytes(
  data: Uint8Array,
  { shape, type }: { readonly shape: readonly number[]; readonly type: "f8" | "f4" | "i8" },
): Pickled {
  const empty = call("numpy.core.multiarray._reconstruct", [
    global("numpy.ndarray"),
    tuple([integer(0)]),
    bytesOf(Buffer.from("b")),
  ]);
  const state = [integer(1), tuple(shape.map(integer)), dtype(type), isFalse, bytesOf(data)];
  return Buffer.concat([empty, tuple(state), opcode("b")]);
}

/** Returns a little-endian dtype without a subtype or fields, and with the default size and alignment. */
function dtype(type: "f8" | "f4" | "i8"): Pickled {
  const state = [integer(3), text("<"), none, none, none, integer(-1), integer(-1), integer(0)];
  return Buffer.concat([call("numpy.dtype", [text(type), isFalse, isTrue]), tuple(state), opcode("b")]);
}

export const truth = (value: boolean): Pickled => (value ? isTrue : isFalse);

const isTrue: Pickled = Uint8Array.of(0x88);
const isFalse: Pickled = Uint8Array.of(0x89);

const call = (name: string, args: readonly Pickled[]): Pickled =>
  Buffer.concat([global(name), tuple(args), opcode("R")]);

/**
 * Returns a function or class by its name, which the reader imports.
 *
 * @example global("collections.OrderedDict")
 */
export function global(name: string): Pickled {
  const dot = name.lastIndexOf(".");
  return opcode(`c${name.slice(0, dot)}\n${name.slice(dot + 1)}\n`);
}

const bytesOf = (data: Uint8Array): Pickled => Buffer.concat([opcode("B"), uint32(data.length), data]);

function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function opcode(letters: string): Pickled {
  return Buffer.from(letters, "latin1");
}
