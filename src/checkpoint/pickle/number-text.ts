import { narrow } from "./integers.js";

/** Python's integers of protocol 0; null for what is none, or has more digits than any of nnU-Net's. */
export const integerOf = (text: string): number | bigint | null =>
  /^-?\d{1,150}$/.test(text) ? narrow(BigInt(text)) : null;

/** Protocol 0 writes booleans as the integers 00 and 01. */
export const booleanOrIntegerOf = (text: string): number | bigint | boolean | null =>
  text === "00" || text === "01" ? text === "01" : integerOf(text);

/** Python's `repr` of a float; null for what is none. */
export function floatOf(text: string): number | null {
  if (text === "nan") return Number.NaN;
  const value = text.length > 400 || text === "" ? Number.NaN : Number(text.replace("inf", "Infinity"));
  return Number.isNaN(value) ? null : value;
}
