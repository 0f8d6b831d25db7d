import { edges, type Mutation, mutateBytes, words } from "./mutate.js";
import type { Random } from "./random.js";

/** Changes one opcode of a pickle together with its argument, so that the next opcode still starts at the right byte. */
export const mutatePickle: Mutation = (bytes, random) => {
  if (random.below(4) === 0) return mutateBytes(bytes, random);
  return random.oneOf([replaceArgument, replaceArgument, insertOpcodes])(bytes, random);
};

/** Patterns of opcodes with their arguments, for the argument lengths that occur in nnU-Net's files. */
const argumentForms: readonly {
  readonly pattern: RegExp;
  /** Returns the length of the opcode with its argument; absent if it is the whole match. */
  readonly length?: (found: string) => number;
  readonly replacement: (random: Random) => Buffer;
}[] = [
  {
    pattern: /X.\0\0\0[\w./ ]{1,255}/gs,
    length: (found) => 5 + found.charCodeAt(1),
    replacement: (random) => text(random.oneOf(names)),
  },
  {
    pattern: /\x8c.[\w./ ]{1,255}/gs,
    length: (found) => 2 + found.charCodeAt(1),
    replacement: (random) => text(random.oneOf(names)),
  },
  { pattern: /c[\w.]{1,80}\n[\w.]{1,80}\n/g, replacement: (random) => global(random) },
  { pattern: /K./gs, replacement: (random) => integer(random.oneOf(edges)) },
  { pattern: /M.{2}/gs, replacement: (random) => integer(random.oneOf(edges)) },
  { pattern: /J.{4}/gs, replacement: (random) => integer(-random.oneOf(edges)) },
  { pattern: /G.{8}/gs, replacement: (random) => real(random.oneOf([0, -1, Number.NaN, 1e308, 1e-308])) },
  {
    pattern: /[)\]}NI\x88\x89(]/g,
    replacement: (random) => Buffer.from(random.oneOf([..."N)]}(\x88\x89"]), "latin1"),
  },
];

const replaceArgument: Mutation = (bytes, random) => {
  const { pattern, length, replacement } = random.oneOf(argumentForms);
  const matches = [...bytes.toString("latin1", 0, 1 << 20).matchAll(pattern)];
  if (matches.length === 0) return mutateBytes(bytes, random);
  const { index, 0: found } = random.oneOf(matches);
  const end = index + (length?.(found) ?? found.length);
  return Buffer.concat([bytes.subarray(0, index), replacement(random), bytes.subarray(end)]);
};

/** Inserts opcodes at a random byte, which is often between two opcodes, because nearly every second byte is an opcode. */
const insertOpcodes: Mutation = (bytes, random) => {
  const at = random.below(bytes.length + 1);
  const count = random.oneOf([1, 1, 2, 1000]);
  const inserted = Buffer.concat(Array.from({ length: count }, () => random.oneOf(snippets)(random)));
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
};

const names = [
  ...words,
  "state_dict",
  "network_weights",
  "plans",
  "init",
  "0",
  "numpy.core.multiarray",
  "<f8",
  "V8",
];

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  const head = Buffer.alloc(5, "X");
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
};

const integer = (value: number): Buffer => {
  const bytes = Buffer.alloc(5, "J");
  bytes.writeInt32LE(value | 0, 1);
  return bytes;
};

const real = (value: number): Buffer => {
  const bytes = Buffer.alloc(9, "G");
  bytes.writeDoubleBE(value, 1);
  return bytes;
};

const globals = [
  "collections OrderedDict",
  "torch._utils _rebuild_tensor_v2",
  "numpy.core.multiarray _reconstruct",
  "numpy.core.multiarray scalar",
  "numpy dtype",
  "numpy ndarray",
  "_codecs encode",
  "builtins set",
  "builtins eval",
  "os system",
  "copyreg _reconstructor",
];

const global = (random: Random): Buffer =>
  Buffer.from(`c${random.oneOf(globals).replace(" ", "\n")}\n`, "latin1");

const raw = (value: string) => () => Buffer.from(value, "latin1");

/** Opcodes that use the stack or the memo, or call functions: DUP, POP, TUPLE, REDUCE, BUILD, LONG4, FRAME … */
const snippets: readonly ((random: Random) => Buffer)[] = [
  raw("2"),
  raw("0"),
  raw("1"),
  raw("("),
  raw("t"),
  raw("\x85"),
  raw("\x86"),
  raw("R"),
  raw("b"),
  raw("s"),
  raw("u"),
  raw("a"),
  raw("e"),
  raw("\x81"),
  raw("Q"),
  raw("}"),
  raw("]"),
  raw("\x94"),
  raw("."),
  (random) => Buffer.from([0x68, random.below(256)]),
  (random) => Buffer.from([0x71, random.below(256)]),
  (random) => Buffer.from([0x8b, ...longBytes(random)]),
  (random) => Buffer.from([0x95, ...longBytes(random), 0, 0, 0, 0]),
  (random) => Buffer.from([0x42, ...longBytes(random)]),
  (random) => text(random.oneOf(words)),
  global,
];

const longBytes = (random: Random): Buffer => integer(random.oneOf(edges)).subarray(1);
