import { gunzipSync, gzipSync } from "node:zlib";
import type { Random } from "./random.js";

/** Changes a file once, at a random place. */
export type Mutation = (bytes: Buffer, random: Random) => Buffer;

/** Changes a valid file one to four times. In a gzip file, the content is changed as well, not only the frame. */
export function mutate(seed: Buffer, mutation: Mutation, random: Random): Buffer {
  const isInside = seed[0] === 0x1f && seed[1] === 0x8b && random.below(4) > 0;
  let bytes: Buffer = isInside ? gunzipSync(seed) : seed;
  const changes = random.oneOf([1, 1, 1, 2, 3, 4]); // most files are refused for the first change
  for (let i = 0; i < changes; i++) bytes = mutation(bytes, random);
  bytes = bytes.subarray(0, maxBytes);
  return isInside ? gzipSync(bytes, { level: 1 }) : bytes;
}

/** The largest mutated file, so that mutations that double a file do not fill the disk. */
const maxBytes = 16 << 20;

/** Changes bytes of any kind of file. */
export const mutateBytes: Mutation = (bytes, random) => random.oneOf(binaryChanges)(bytes, random);

/** Changes a text header with lines `key: value`: usually a line, sometimes bytes. */
export const mutateLines: Mutation = (bytes, random) =>
  random.below(3) > 0 ? mutateLine(bytes, random) : mutateBytes(bytes, random);

/** Changes a JSON document: usually a value, sometimes bytes. */
export const mutateJson: Mutation = (bytes, random) =>
  random.below(8) > 0 ? mutateDocument(bytes, random) : mutateBytes(bytes, random);

/** Sizes, offsets and counts at the limits of what fields can hold. */
export const edges = [
  0,
  1,
  2,
  7,
  127,
  128,
  255,
  256,
  32767,
  32768,
  65535,
  65536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
];

function writeEdge(bytes: Buffer, random: Random): Buffer {
  const changed = Buffer.from(bytes);
  const width = random.oneOf([1, 2, 4, 8]);
  if (changed.length < width) return changed;
  // Headers are at the start or, in archives, at the end.
  const reach = random.below(2) === 0 ? changed.length : Math.min(changed.length, 512);
  const fromStart = random.below(Math.max(1, reach - width + 1));
  const at = random.below(4) === 0 ? changed.length - width - fromStart : fromStart;
  if (at < 0) return changed;
  const edge = random.oneOf(edges);
  const isBig = random.below(2) === 0;
  if (width === 8) {
    const value = BigInt(edge) * (random.below(2) === 0 ? 1n : 2n ** 31n);
    if (isBig) changed.writeBigUInt64BE(BigInt.asUintN(64, value), at);
    else changed.writeBigUInt64LE(BigInt.asUintN(64, value), at);
  } else {
    const value = edge % 2 ** (8 * width);
    if (isBig) changed.writeUIntBE(value, at, width);
    else changed.writeUIntLE(value, at, width);
  }
  return changed;
}

function flipBits(bytes: Buffer, random: Random): Buffer {
  const changed = Buffer.from(bytes);
  for (let i = random.below(8); i >= 0 && changed.length > 0; i--) {
    const at = random.below(changed.length);
    changed[at] = changed[at]! ^ (1 << random.below(8));
  }
  return changed;
}

const truncate: Mutation = (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1));

function range(bytes: Buffer, random: Random): [start: number, end: number] {
  const start = random.below(bytes.length + 1);
  return [start, Math.min(bytes.length, start + 1 + random.below(random.oneOf([4, 64, 4096])))];
}

const duplicate: Mutation = (bytes, random) => {
  const [start, end] = range(bytes, random);
  const copies = Array.from({ length: random.oneOf([1, 2, 100]) }, () => bytes.subarray(start, end));
  return Buffer.concat([bytes.subarray(0, end), ...copies, bytes.subarray(end)]);
};

const remove: Mutation = (bytes, random) => {
  const [start, end] = range(bytes, random);
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
};

const splice: Mutation = (bytes, random) => {
  const [start, end] = range(bytes, random);
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(start, end), bytes.subarray(at)]);
};

const binaryChanges: readonly Mutation[] = [
  writeEdge,
  writeEdge,
  writeEdge,
  flipBits,
  truncate,
  duplicate,
  remove,
  splice,
];

/** Texts that a reader may mistake for a number, a path or a keyword. */
export const words = [
  "",
  "0",
  "-1",
  "nan",
  "inf",
  "1e999",
  "2147483648",
  "9007199254740993",
  "constructor",
  "__proto__",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "none",
  "((((((((",
  "../../../etc/passwd",
  "/etc/passwd",
  "\u0000",
  "é🫁",
  " ".repeat(300),
  "1 ".repeat(300),
];

/** Changes, moves, repeats or removes a line of a text header. Bytes after the text stay as they are. */
function mutateLine(bytes: Buffer, random: Random): Buffer {
  const lines = bytes.toString("latin1").split("\n");
  const at = random.below(Math.min(lines.length, 30));
  const line = lines[at]!;
  const [, key = line, separator = ""] = /^([^:=]*)(\s*:?=?\s*)/.exec(line) ?? [];
  const changes: (() => void)[] = [
    () => lines.splice(at, 1),
    () => lines.splice(at, 0, line),
    () => lines.splice(random.below(lines.length), 0, line),
    () => lines.splice(at, 1, `${key}${separator}${random.oneOf(words)}`),
    () => lines.splice(at, 1, `${random.oneOf(words)}${line.slice(key.length)}`),
    () => lines.splice(at, 1, line.replace(/-?\d+(\.\d+)?/, String(random.oneOf(edges)))),
    () =>
      lines.splice(
        at,
        1,
        line.replace(/-?\d+(\.\d+)?/, (number) => random.oneOf([`-${number}`, `${number}0`])),
      ),
    () => lines.splice(at, 1, line.toUpperCase()),
  ];
  random.oneOf(changes)();
  return Buffer.from(lines.join("\n"), "latin1");
}

/** Changes one value of a JSON document: its type, size, keys or depth. */
function mutateDocument(bytes: Buffer, random: Random): Buffer {
  let document: unknown;
  try {
    document = JSON.parse(bytes.toString("utf8"));
  } catch {
    return mutateBytes(bytes, random);
  }
  const places: { readonly holder: Record<string, unknown>; readonly key: string }[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const key of Object.keys(value)) {
      places.push({ holder: value as Record<string, unknown>, key });
      visit((value as Record<string, unknown>)[key]);
    }
  };
  const root = { document };
  visit(root);
  const { holder, key } = random.oneOf(places);
  const old = holder[key];
  const values: readonly (() => unknown)[] = [
    () => null,
    () => random.oneOf(edges),
    () => -random.oneOf(edges),
    () => random.oneOf(words),
    () => [],
    () => ({}),
    () => [old],
    () => ({ constructor: old }),
    () => ({ toString: old, valueOf: old }),
    () => true,
    () => 0.5,
    () => nearby(old, random),
    () => nearby(old, random),
    () => Array.from({ length: 1000 }, () => old),
    () => nested(2000),
    () => random.oneOf(places).holder[random.oneOf(places).key],
  ];
  const change = random.below(8);
  if (change === 0) delete holder[key];
  else if (change === 1) rename(holder, key, random.oneOf(words));
  else holder[key] = random.oneOf(values)();
  try {
    return Buffer.from(JSON.stringify(root.document) ?? "");
  } catch {
    return bytes; // a value that was put inside itself
  }
}

/** Renames a key. A key called `__proto__` stays a key, as in parsed JSON. */
function rename(holder: Record<string, unknown>, key: string, name: string): void {
  const value = holder[key];
  delete holder[key];
  Object.defineProperty(holder, name, { value, enumerable: true, configurable: true, writable: true });
}

/** Returns a value of the same type, which only the reader's own rules can refuse. */
function nearby(value: unknown, random: Random): unknown {
  if (typeof value === "number") return random.oneOf([value + 1, value - 1, -value, value * 2, value / 3]);
  if (typeof value === "string") return random.oneOf([value.slice(1), `${value}x`, value.toUpperCase()]);
  if (typeof value === "boolean") return !value;
  if (Array.isArray(value)) return random.oneOf([value.slice(1), value.toReversed(), [...value, ...value]]);
  return value;
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}
