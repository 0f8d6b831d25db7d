import type { Random } from "./random.js";

/** How a format is written: bytes at offsets, lines of `key: value`, or JSON. */
export type Structure = "binary" | "lines" | "json";

/** Changes a valid file in a way that knows its structure, one to four times. */
export function mutate(seed: Buffer, structure: Structure, random: Random): Buffer {
  let bytes = seed;
  const changes = 1 + random.below(4);
  for (let i = 0; i < changes; i++) bytes = mutateOnce(bytes, structure, random);
  return bytes.subarray(0, maxBytes);
}

/** Mutations that double a file must not fill the disk. */
const maxBytes = 4 << 20;

function mutateOnce(bytes: Buffer, structure: Structure, random: Random): Buffer {
  if (structure === "json" && random.below(4) > 0) return mutateJson(bytes, random);
  if (structure === "lines" && random.below(3) > 0) return mutateLine(bytes, random);
  return random.oneOf(binaryChanges)(bytes, random);
}

type Change = (bytes: Buffer, random: Random) => Buffer;

/** Sizes, offsets and counts at the edges of what fields can hold. */
const edges = [0, 1, 2, 7, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

function writeEdge(bytes: Buffer, random: Random): Buffer {
  const changed = Buffer.from(bytes);
  const width = random.oneOf([1, 2, 4, 8]);
  if (changed.length < width) return changed;
  // Headers are at the start or, for archives, at the end.
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

const truncate: Change = (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1));

function range(bytes: Buffer, random: Random): [start: number, end: number] {
  const start = random.below(bytes.length + 1);
  return [start, Math.min(bytes.length, start + 1 + random.below(random.oneOf([4, 64, 4096])))];
}

const duplicate: Change = (bytes, random) => {
  const [start, end] = range(bytes, random);
  const copies = Array.from({ length: random.oneOf([1, 2, 100]) }, () => bytes.subarray(start, end));
  return Buffer.concat([bytes.subarray(0, end), ...copies, bytes.subarray(end)]);
};

const remove: Change = (bytes, random) => {
  const [start, end] = range(bytes, random);
  return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
};

const splice: Change = (bytes, random) => {
  const [start, end] = range(bytes, random);
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(start, end), bytes.subarray(at)]);
};

const binaryChanges: readonly Change[] = [
  writeEdge,
  writeEdge,
  writeEdge,
  flipBits,
  truncate,
  duplicate,
  remove,
  splice,
];

const words = [
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
  "none",
  "((((((((",
  "../../../etc/passwd",
  "/etc/passwd",
  "\u0000",
  "é🫁",
  " ".repeat(300),
  "1 ".repeat(300),
];

/** Changes a line of a text header: its value, its order, its number. Bytes after the text stay as they are. */
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
    () => lines.splice(at, 1, line.toUpperCase()),
  ];
  random.oneOf(changes)();
  return Buffer.from(lines.join("\n"), "latin1");
}

/** Changes one value of a JSON document: its type, its size, its keys, its depth. */
function mutateJson(bytes: Buffer, random: Random): Buffer {
  let document: unknown;
  try {
    document = JSON.parse(bytes.toString("utf8"));
  } catch {
    return random.oneOf(binaryChanges)(bytes, random);
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
    () => true,
    () => 0.5,
    () => Array.from({ length: 1000 }, () => old),
    () => nested(2000),
    () => random.oneOf(places).holder[random.oneOf(places).key],
  ];
  if (random.below(8) === 0) delete holder[key];
  else holder[key] = random.oneOf(values)();
  try {
    return Buffer.from(JSON.stringify(root.document) ?? "");
  } catch {
    return bytes; // a value that was put inside itself
  }
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}
