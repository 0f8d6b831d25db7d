import type { DataSet, Tag } from "./data-set.js";

/**
 * Returns the values of an element of ASCII text, without padding; null if it is absent or empty.
 *
 * @example ["ORIGINAL", "PRIMARY", "AXIAL"] for ORIGINAL\PRIMARY\AXIAL
 */
export function stringsOf(dataSet: DataSet, tag: Tag): readonly string[] | null {
  const value = dataSet.element(tag)?.value;
  if (value === undefined || value.length === 0 || value.length > longestText) return null;
  const values = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    .toString("latin1")
    .split("\\")
    .map(withoutPadding);
  return values.every((text) => text === "") ? null : values;
}

/** Every element that is read here is far shorter. */
const longestText = 1 << 16;

const withoutPadding = (text: string): string => text.replace(/^ +|[ \0]+$/g, "");

/** Returns the first value of an element of ASCII text; null if it is absent or empty. */
export const stringOf = (dataSet: DataSet, tag: Tag): string | null => stringsOf(dataSet, tag)?.[0] || null;

/**
 * Returns the values of a number in decimal text (DS, IS); null if it is absent, empty or has a value that is not a
 * number as the standard writes it (PS3.5, 6.2).
 *
 * @example numbersOf(…) for ` 2.50\+1e-1 ` is [2.5, 0.1]; for `NaN` or `0x10` it is null
 */
export function numbersOf(dataSet: DataSet, tag: Tag): readonly number[] | null {
  const texts = stringsOf(dataSet, tag);
  if (texts === null) return null;
  const numbers = texts.map((text) => (decimal.test(text) ? Number(text) : Number.NaN));
  return numbers.every(Number.isFinite) ? numbers : null;
}

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Returns the first number of decimal text; null as in `numbersOf`. */
export const numberOf = (dataSet: DataSet, tag: Tag): number | null => numbersOf(dataSet, tag)?.[0] ?? null;

/** Returns an unsigned number of 16 bits (US); null if it is absent. */
export function uint16Of(dataSet: DataSet, tag: Tag): number | null {
  const view = viewOf(dataSet, tag, 2);
  return view?.getUint16(0, !dataSet.isBigEndian) ?? null;
}

/** Returns a double (FD); null if it is absent. */
export function doubleOf(dataSet: DataSet, tag: Tag): number | null {
  const view = viewOf(dataSet, tag, 8);
  return view?.getFloat64(0, !dataSet.isBigEndian) ?? null;
}

/** Returns a number of single precision (FL); null if it is absent. */
export function floatOf(dataSet: DataSet, tag: Tag): number | null {
  const view = viewOf(dataSet, tag, 4);
  return view?.getFloat32(0, !dataSet.isBigEndian) ?? null;
}

/** Returns an unsigned number of 32 bits (UL); null if it is absent. */
export function uint32Of(dataSet: DataSet, tag: Tag): number | null {
  const view = viewOf(dataSet, tag, 4);
  return view?.getUint32(0, !dataSet.isBigEndian) ?? null;
}

function viewOf(dataSet: DataSet, tag: Tag, bytes: number): DataView | null {
  const value = dataSet.element(tag)?.value;
  if (value === undefined || value.length < bytes) return null;
  return new DataView(value.buffer, value.byteOffset, value.byteLength);
}
