/** How a sample of 16 bits becomes a value: its bits are shifted up and down, and the result is rescaled. */
export interface WordRule {
  /** Less than 16, both. */
  readonly up: number;
  readonly down: number;
  readonly isSigned: boolean;
  readonly slope: number;
  readonly intercept: number;
}

/**
 * Turns samples of 16 bits into values, eight at a time. A loop in JavaScript takes four times as long.
 *
 * @returns false if nothing was done, because values need more than the 24 bits of single precision, or because this machine
 *   has no instructions for vectors
 */
export function rescaleWords(
  samples: Uint16Array,
  values: Float32Array | Int16Array,
  rule: WordRule,
): boolean {
  const { up, down, isSigned, slope, intercept } = rule;
  const isExact =
    Number.isInteger(slope) &&
    Number.isInteger(intercept) &&
    Math.abs(slope) * 2 ** 16 + Math.abs(intercept) <= 2 ** 24;
  if (!isExact) return false;
  kernels ??= loadKernels();
  if (kernels === "unavailable") return false;
  const { input } = kernels;
  const { run, output } = values instanceof Float32Array ? kernels.toFloats : kernels.toWords;
  for (let from = 0; from < values.length; from += blockSamples) {
    const count = Math.min(blockSamples, values.length - from);
    input.set(samples.subarray(from, from + count));
    run(count * 2, up, down, Number(isSigned), slope, intercept);
    values.set(output.subarray(0, count), from);
  }
  return true;
}

/** Samples and values of a block fit into the cache of a core. */
const blockSamples = 1 << 15;
const outputAt = blockSamples * 2;
const pageBytes = 1 << 16;

interface Kernels {
  readonly input: Uint16Array<ArrayBuffer>;
  readonly toFloats: Kernel & { readonly output: Float32Array<ArrayBuffer> };
  /** The values take the place of the samples. */
  readonly toWords: Kernel & { readonly output: Int16Array<ArrayBuffer> };
}

interface Kernel {
  run(bytes: number, up: number, down: number, isSigned: number, slope: number, intercept: number): void;
}

/** The part of the global that is used. The types of Node leave it out. */
declare const WebAssembly: {
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
};

let kernels: Kernels | "unavailable" | null = null;

function loadKernels(): Kernels | "unavailable" {
  const bytes = moduleBytes();
  if (!WebAssembly.validate(bytes)) return "unavailable";
  const { memory, toFloats, toWords } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as {
    readonly memory: { readonly buffer: ArrayBuffer };
    readonly toFloats: Kernel["run"];
    readonly toWords: Kernel["run"];
  };
  const { buffer } = memory;
  return {
    input: new Uint16Array(buffer, 0, blockSamples),
    toFloats: { run: toFloats, output: new Float32Array(buffer, outputAt, blockSamples) },
    toWords: { run: toWords, output: new Int16Array(buffer, 0, blockSamples) },
  };
}

/** The parameters and variables of a kernel. */
const local = { bytes: 0, up: 1, down: 2, isSigned: 3, slope: 4, intercept: 5, at: 6, words: 7 } as const;
type Local = keyof typeof local;

const type = { i32: 0x7f, f32: 0x7d, v128: 0x7b, none: 0x40 } as const;
const block = 0x02;
const loop = 0x03;
const ifTrue = 0x04;
const otherwise = 0x05;
const end = 0x0b;
const repeatLoop = [0x0c, 0];
const leaveBlockIfTrue = [0x0d, 1];
const isNotLess = 0x4f;
const add = 0x6a;
const multiply = 0x6c;

const get = (name: Local): number[] => [0x20, local[name]];
const set = (name: Local): number[] => [0x21, local[name]];
const i32 = (value: number): number[] => [0x41, ...leb(value, { isSigned: true })];
const simd = (operation: number): number[] => [0xfd, ...leb(operation)];

/** Instructions for vectors, by the numbers that the specification of WebAssembly gives them. */
const vector = {
  /** With an alignment of 2⁴ bytes and an offset of 0. */
  load: [...simd(0), 4, 0],
  store: [...simd(11), 4, 0],
  splatWord: simd(16),
  splatFloat: simd(19),
  shiftWordsLeft: simd(139),
  shiftWordsRight: { signed: simd(140), unsigned: simd(141) },
  lowWordsToInt32: { signed: simd(167), unsigned: simd(169) },
  highWordsToInt32: { signed: simd(168), unsigned: simd(170) },
  addWords: simd(142),
  multiplyWords: simd(149),
  addFloats: simd(228),
  multiplyFloats: simd(230),
  toFloats: simd(250),
} as const;

/** Returns the code for signed samples and that for others, of which `isSigned` chooses one. */
const bySign = (
  operand: readonly number[],
  { signed, unsigned }: { readonly signed: readonly number[]; readonly unsigned: readonly number[] },
): number[] => [
  ...[...get("isSigned"), ifTrue, type.v128, ...operand, ...signed],
  ...[otherwise, ...operand, ...unsigned, end],
];

/** Returns the code of a kernel that goes over the samples at 0, eight at a time, and writes values of `words`. */
function kernelBody(write: readonly number[]): number[] {
  const shifted = [...get("words"), ...get("up"), ...vector.shiftWordsLeft, ...get("down")];
  return [
    // One variable for `at`, one for `words`.
    ...[2, 1, type.i32, 1, type.v128],
    ...[block, type.none, loop, type.none],
    ...[...get("at"), ...get("bytes"), isNotLess, ...leaveBlockIfTrue],
    ...[...get("at"), ...vector.load, ...set("words")],
    ...[...bySign(shifted, vector.shiftWordsRight), ...set("words"), ...write],
    ...[...get("at"), ...i32(16), add, ...set("at"), ...repeatLoop, end, end, end],
  ];
}

const writeFourFloats = (widen: typeof vector.lowWordsToInt32, offset: number): number[] => [
  ...[...get("at"), ...i32(2), multiply, ...i32(outputAt + offset), add],
  ...[...bySign(get("words"), widen), ...vector.toFloats],
  ...[...get("slope"), ...vector.splatFloat, ...vector.multiplyFloats],
  ...[...get("intercept"), ...vector.splatFloat, ...vector.addFloats, ...vector.store],
];

/** Sums that leave the 16 bits on the way come back into them, because the values are of 16 bits. */
const writeEightWords = (): number[] => [
  ...[...get("at"), ...get("words"), ...get("slope"), ...vector.splatWord, ...vector.multiplyWords],
  ...[...get("intercept"), ...vector.splatWord, ...vector.addWords, ...vector.store],
];

function moduleBytes(): Uint8Array<ArrayBuffer> {
  const floats = [
    ...writeFourFloats(vector.lowWordsToInt32, 0),
    ...writeFourFloats(vector.highWordsToInt32, 16),
  ];
  const parameters = (scale: number): number[] => [
    0x60,
    6,
    ...[type.i32, type.i32, type.i32, type.i32],
    scale,
    scale,
    0,
  ];
  const pages = (outputAt + blockSamples * 4) / pageBytes;
  return Uint8Array.from([
    ...[...Buffer.from("\0asm"), 1, 0, 0, 0],
    ...section(1, [2, ...parameters(type.f32), ...parameters(type.i32)]),
    ...section(3, [2, 0, 1]),
    ...section(5, [1, 0, ...leb(pages)]),
    ...section(7, [
      3,
      ...exported("memory", [2, 0]),
      ...exported("toFloats", [0, 0]),
      ...exported("toWords", [0, 1]),
    ]),
    ...section(10, [2, ...sized(kernelBody(floats)), ...sized(kernelBody(writeEightWords()))]),
  ]);
}

const sized = (content: readonly number[]): number[] => [...leb(content.length), ...content];

const section = (id: number, content: readonly number[]): number[] => [id, ...sized(content)];

const exported = (name: string, kindAndIndex: readonly number[]): number[] => [
  ...sized([...Buffer.from(name)]),
  ...kindAndIndex,
];

/** Encodes a number that is not negative in groups of seven bits (LEB128), the lowest first. */
function leb(value: number, { isSigned } = { isSigned: false }): number[] {
  return value < (isSigned ? 0x40 : 0x80)
    ? [value]
    : [(value & 0x7f) | 0x80, ...leb(value >>> 7, { isSigned })];
}
