import { counted } from "../../contract/counted.js";
import { imageError } from "../errors.js";
import { bytesOf, type ElementType } from "./element-type.js";
import { decimalOf, shown } from "./header-values.js";

/** The most characters that a number may have. */
const longestWord = 400;

export interface VoxelText {
  readonly path: string;
  readonly type: ElementType;
  /** The number of voxels times the number of components. */
  readonly count: number;
  /** MetaIO cuts off the fractions of integer voxels; NrrdIO refuses them. */
  readonly fractions: "cut off" | "refused";
}

/**
 * Decodes numbers in text, separated by white space or commas, into little-endian voxels.
 *
 * @throws IMAGE_INVALID, IMAGE_TRUNCATED
 */
export async function decodeVoxelText(
  chunks: AsyncIterable<Buffer>,
  { path, type, count, fractions }: VoxelText,
): Promise<Buffer> {
  const data = Buffer.alloc(count * bytesOf(type));
  const store = writers[type];
  let stored = 0;
  let rest = "";
  const take = (word: string): void => {
    const number = numberOf(word, type, fractions);
    if (number === null)
      throw imageError("IMAGE_INVALID", `${path}: voxel ${stored} is ${shown(word)}, not ${type}`);
    store(data, number, stored * bytesOf(type));
    stored++;
  };
  for await (const chunk of chunks) {
    const words = (rest + chunk.toString("latin1")).split(/[\s,]/);
    rest = words.pop()!;
    if (rest.length > longestWord)
      throw imageError("IMAGE_INVALID", `${path}: voxel ${stored} is ${shown(rest)}, not ${type}`);
    for (const word of words) {
      if (word === "") continue;
      take(word);
      if (stored === count) return data;
    }
  }
  if (rest !== "") take(rest);
  if (stored < count)
    throw imageError("IMAGE_TRUNCATED", `${path}: it ends after ${stored} of ${counted(count, "number")}`);
  return data;
}

/** Decodes pairs of hexadecimal digits, ignoring white space, as NrrdIO does. */
export async function decodeVoxelHex(
  chunks: AsyncIterable<Buffer>,
  { path, length }: { readonly path: string; readonly length: number },
): Promise<Buffer> {
  const data = Buffer.alloc(length);
  let digits = 0;
  for await (const chunk of chunks) {
    for (const code of chunk) {
      const digit = hexDigits[code]!;
      if (digit === whiteSpace) continue;
      if (digit === noDigit) {
        const found = shown(String.fromCharCode(code));
        throw imageError("IMAGE_INVALID", `${path}: its hexadecimal voxels contain ${found}`);
      }
      data[digits >> 1]! |= digits % 2 === 0 ? digit << 4 : digit;
      digits++;
      if (digits === 2 * length) return data;
    }
  }
  throw imageError("IMAGE_TRUNCATED", `${path}: it ends after ${digits} of ${2 * length} hexadecimal digits`);
}

const whiteSpace = 254;
const noDigit = 255;
const hexDigits = Uint8Array.from({ length: 256 }, (_, code) => {
  if ((code >= 9 && code <= 13) || code === 32) return whiteSpace;
  const digit = "0123456789abcdef".indexOf(String.fromCharCode(code).toLowerCase());
  return digit < 0 ? noDigit : digit;
});

type Store = (data: Buffer, value: number | bigint, offset: number) => void;

const writers: Readonly<Record<ElementType, Store>> = {
  int8: (data, value, offset) => void data.writeInt8(Number(value), offset),
  uint8: (data, value, offset) => void data.writeUInt8(Number(value), offset),
  int16: (data, value, offset) => void data.writeInt16LE(Number(value), offset),
  uint16: (data, value, offset) => void data.writeUInt16LE(Number(value), offset),
  int32: (data, value, offset) => void data.writeInt32LE(Number(value), offset),
  uint32: (data, value, offset) => void data.writeUInt32LE(Number(value), offset),
  int64: (data, value, offset) => void data.writeBigInt64LE(BigInt(value), offset),
  uint64: (data, value, offset) => void data.writeBigUInt64LE(BigInt(value), offset),
  float32: (data, value, offset) => void data.writeFloatLE(Number(value), offset),
  float64: (data, value, offset) => void data.writeDoubleLE(Number(value), offset),
};

/** The smallest and largest value of each integer type. */
const ranges: Readonly<Partial<Record<ElementType, readonly [bigint, bigint]>>> = {
  int8: [-(2n ** 7n), 2n ** 7n - 1n],
  uint8: [0n, 2n ** 8n - 1n],
  int16: [-(2n ** 15n), 2n ** 15n - 1n],
  uint16: [0n, 2n ** 16n - 1n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

/** Returns the number that a word stands for; null if it is not a number of the type. */
function numberOf(
  word: string,
  type: ElementType,
  fractions: VoxelText["fractions"],
): number | bigint | null {
  if (word.length > longestWord) return null;
  const range = ranges[type];
  if (range === undefined) return decimalOf(word) ?? notFinite.get(word.toLowerCase()) ?? null;
  const whole = /^[+-]?\d+$/.test(word) ? BigInt(word.replace("+", "")) : wholePart(word, fractions);
  return whole !== null && whole >= range[0] && whole <= range[1] ? whole : null;
}

function wholePart(word: string, fractions: VoxelText["fractions"]): bigint | null {
  const value = fractions === "cut off" ? decimalOf(word) : null;
  return value === null ? null : BigInt(Math.trunc(value));
}

const notFinite: ReadonlyMap<string, number> = new Map([
  ["nan", Number.NaN],
  ["+nan", Number.NaN],
  ["-nan", Number.NaN],
  ["inf", Number.POSITIVE_INFINITY],
  ["+inf", Number.POSITIVE_INFINITY],
  ["-inf", Number.NEGATIVE_INFINITY],
]);
