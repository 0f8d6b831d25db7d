import { ProcessorError } from "../../../processor/errors.js";
import { type GlobalTable, globalTable, type PickleGlobal } from "./pickle-global.js";

/** Python's own containers and values, under their names of Python 2 and 3. */
export const pythonGlobals: GlobalTable = globalTable(
  ...inBuiltins("set", ([items]) => new Set(list("set", items))),
  ...inBuiltins("frozenset", ([items]) => new Set(list("frozenset", items))),
  ...inBuiltins("list", ([items]) => list("list", items)),
  ...inBuiltins("tuple", ([items]) => list("tuple", items)),
  ...inBuiltins("dict", ([pairs]) => dict(pairs)),
  ...inBuiltins("bytearray", bytes),
  ...inBuiltins("bytes", bytes),
  // Types that are referred to, for instance as a defaultdict's factory.
  ...["int", "float", "bool", "str", "object"].flatMap((name) => inBuiltins(name)),
  { name: "collections.OrderedDict", construct: ([pairs]) => dict(pairs) },
  { name: "collections.defaultdict", construct: ([, pairs]) => dict(pairs) },
  { name: "_codecs.encode", construct: encode },
);

function inBuiltins(name: string, construct?: PickleGlobal["construct"]): PickleGlobal[] {
  return ["builtins", "__builtin__"].map((module) => ({
    name: `${module}.${name}`,
    ...(construct === undefined ? {} : { construct }),
  }));
}

function list(type: string, value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw damaged(`${type}() of something that is no list`);
  return value as readonly unknown[];
}

function dict(pairs: unknown): Map<unknown, unknown> {
  if (pairs instanceof Map) return pairs;
  return new Map(
    list("dict", pairs).map((pair) => {
      if (!Array.isArray(pair) || pair.length !== 2) throw damaged("dict() of something that is no pairs");
      return [pair[0], pair[1]];
    }),
  );
}

/** How protocol 2 writes bytes: as text whose characters are the bytes. */
function encode([text, encoding]: readonly unknown[]): Uint8Array {
  if (typeof text !== "string" || (encoding !== "latin1" && encoding !== "latin-1")) {
    throw damaged("_codecs.encode of something that is no latin1 text");
  }
  return Buffer.from(text, "latin1");
}

function bytes(args: readonly unknown[]): Uint8Array {
  const [value] = args;
  if (value === undefined) return new Uint8Array();
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return encode(args);
  throw damaged("bytes() of something that is neither bytes nor text");
}

const damaged = (what: string) => new ProcessorError("MODEL_FILE_INVALID", `damaged pickle: ${what}`);
