import { narrow } from "./integers.js";

/**
 * Parses an integer as protocol 0 writes it; null if the text is not an integer or has more digits than any
 * of nnU-Net's.
 */
export const integerOf = (text: string): number | bigint | null =>
  /^-?\d{1,150}$/.test(text) ? narrow(BigInt(text)) : null;

/** Protocol 0 writes booleans as the integers 00 and 01. */
export const booleanOrIntegerOf = (text: string): number | bigint | boolean | null =>
  text === "00" || text === "01" ? text === "01" : integerOf(text);

/** Parses Python's `repr` of a float; null if the text is not a float. */
export function floatOf(text: string): number | null {
  if (text === "nan") return Number.NaN;
  const value = text.length > 400 || text === "" ? Number.NaN : Number(text.replace("inf", "Infinity"));
  return Number.isNaN(value) ? null : value;
}
