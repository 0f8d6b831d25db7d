import { damagedPickle } from "./damaged-pickle.js";
import { type GlobalEntry, type GlobalTable, globalTable } from "./pickle-global.js";
import { UnreadObject } from "./unread-object.js";

/** Python's own containers and values, under their Python 2 and Python 3 names. */
export const pythonGlobals: GlobalTable = globalTable(
  ...["set", "frozenset"].flatMap((name) => inBuiltins(name, ([items]) => set(name, items))),
  ...["list", "tuple"].flatMap((name) => inBuiltins(name, ([items]) => list(name, items))),
  ...inBuiltins("dict", ([pairs]) => dict(pairs)),
  ...inBuiltins("bytearray", bytes),
  ...inBuiltins("bytes", bytes),
  { name: "collections.OrderedDict", construct: ([pairs]) => dict(pairs) },
  { name: "collections.defaultdict", construct: ([, pairs]) => dict(pairs) },
  { name: "collections.Counter", construct: ([counts]) => dict(counts) },
  { name: "_codecs.encode", construct: encode },
  { name: "argparse.Namespace", construct: () => new Namespace() },
);

/** `argparse.Namespace`: its attributes become entries. */
class Namespace extends UnreadObject {
  constructor() {
    super("an object of argparse.Namespace");
  }

  override setState(state: unknown): void {
    if (!(state instanceof Map)) return;
    for (const [name, value] of state) this.set(name, value);
  }
}

function inBuiltins(name: string, construct?: GlobalEntry["construct"]): GlobalEntry[] {
  return ["builtins", "__builtin__"].map((module) => ({
    name: `${module}.${name}`,
    ...(construct === undefined ? {} : { construct }),
  }));
}

function list(type: string, value: unknown): readonly unknown[] | UnreadObject {
  if (value === undefined) return [];
  if (value instanceof UnreadObject) return value;
  if (value instanceof Set) return [...value];
  if (!Array.isArray(value)) throw damagedPickle(`${type}() of something that is not a list`);
  return value as readonly unknown[];
}

function set(type: string, value: unknown): ReadonlySet<unknown> | UnreadObject {
  const items = list(type, value);
  return items instanceof UnreadObject ? items : new Set(items);
}

function dict(pairs: unknown): Map<unknown, unknown> | UnreadObject {
  if (pairs instanceof Map) return pairs;
  const items = list("dict", pairs);
  if (items instanceof UnreadObject) return items;
  return new Map(
    items.map((pair) => {
      if (!Array.isArray(pair) || pair.length !== 2)
        throw damagedPickle("dict() of something that is not pairs");
      return [pair[0], pair[1]];
    }),
  );
}

/** Protocol 2 writes bytes as text whose characters are the bytes. */
function encode([text, encoding]: readonly unknown[]): Uint8Array {
  if (typeof text !== "string" || (encoding !== "latin1" && encoding !== "latin-1")) {
    throw damagedPickle("_codecs.encode of something that is not latin1 text");
  }
  return Buffer.from(text, "latin1");
}

function bytes(args: readonly unknown[]): Uint8Array {
  const [value] = args;
  if (value === undefined) return new Uint8Array();
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return encode(args);
  if (typeof value === "number" && value >= 0 && value <= maxZeros) return new Uint8Array(value);
  throw damagedPickle("bytes() of something that is neither bytes nor text");
}

/** `bytes(n)` returns n zeros. */
const maxZeros = 1024;
