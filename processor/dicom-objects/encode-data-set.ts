import { type Attributes, type AttributeValue, elements, type Keyword } from "./elements.js";
import { GrowingBytes } from "./growing-bytes.js";

export type TransferSyntax = "implicit-little-endian" | "explicit-little-endian";

/**
 * Encodes attributes, in the order of their tags and with sequences of defined length (PS3.5, 7).
 *
 * @throws RangeError if a value is longer than its length field can say
 */
export function encodeDataSet(attributes: Attributes, syntax: TransferSyntax): Uint8Array {
  const bytes = new GrowingBytes();
  writeAttributes(bytes, attributes, syntax === "explicit-little-endian");
  return bytes.whole();
}

/** Returns the beginning of an element whose value of this length follows. */
export function encodeElementHeader(
  keyword: Keyword,
  { vr, length }: { readonly vr: string; readonly length: number },
): Uint8Array {
  const bytes = new GrowingBytes();
  writeTag(bytes, elements[keyword][0]);
  writeLength(bytes, vr, length);
  return bytes.whole();
}

/** The value representations whose length field has 32 bits (PS3.5, 7.1.2). */
const longForms = new Set(["OB", "OW", "SQ", "UN", "UT", "UC"]);

const order = new Map(Object.keys(elements).map((keyword, i) => [keyword, i]));

function writeAttributes(bytes: GrowingBytes, attributes: Attributes, isExplicit: boolean): void {
  for (const keyword of inOrder(Object.keys(attributes) as Keyword[])) {
    const value = attributes[keyword];
    if (value === undefined || value === null) continue;
    writeElement(bytes, { keyword, value, isExplicit });
  }
}

/** Items of a frame are already in order, and there may be tens of thousands of them. */
function inOrder(keywords: Keyword[]): readonly Keyword[] {
  for (let i = 1; i < keywords.length; i++) {
    if (order.get(keywords[i - 1]!)! > order.get(keywords[i]!)!)
      return keywords.sort((a, b) => order.get(a)! - order.get(b)!);
  }
  return keywords;
}

interface Element {
  readonly keyword: Keyword;
  readonly value: AttributeValue;
  readonly isExplicit: boolean;
}

function writeElement(bytes: GrowingBytes, { keyword, value, isExplicit }: Element): void {
  const [tag, vr] = elements[keyword];
  writeTag(bytes, tag);
  const isShort = isExplicit && !longForms.has(vr);
  if (isExplicit) bytes.ascii(vr);
  if (isExplicit && !isShort) bytes.uint16(0);
  const lengthPlace = bytes.length;
  if (isShort) bytes.uint16(0);
  else bytes.uint32(0);
  const start = bytes.length;
  writeValue(bytes, vr, { keyword, value, isExplicit });
  const length = bytes.length - start;
  if (isShort && length > 0xfffe)
    throw new RangeError(`${keyword} has ${length} bytes, more than ${vr} can hold`);
  if (isShort) bytes.setUint16(lengthPlace, length);
  else bytes.setUint32(lengthPlace, length);
}

function writeValue(bytes: GrowingBytes, vr: string, { keyword, value, isExplicit }: Element): void {
  const values: readonly (string | number | Attributes)[] = Array.isArray(value) ? value : [value];
  switch (vr) {
    case "SQ":
      for (const item of values as readonly Attributes[]) writeItem(bytes, item, isExplicit);
      return;
    case "US":
      for (const number of values) bytes.uint16(numberOf(keyword, number));
      return;
    case "UL":
      for (const number of values) bytes.uint32(numberOf(keyword, number));
      return;
    case "AT":
      for (const tag of values) writeTag(bytes, numberOf(keyword, tag));
      return;
    default: {
      const text = values.map((part) => (typeof part === "number" ? decimalText(part) : part)).join("\\");
      const length = bytes.text(text);
      if (length % 2 === 1) bytes.uint8(vr === "UI" ? 0 : 0x20);
    }
  }
}

function numberOf(keyword: Keyword, value: string | number | Attributes): number {
  if (typeof value === "number") return value;
  throw new TypeError(`${keyword} takes numbers`);
}

function writeItem(bytes: GrowingBytes, item: Attributes, isExplicit: boolean): void {
  writeTag(bytes, 0xfffee000);
  const lengthPlace = bytes.length;
  bytes.uint32(0);
  writeAttributes(bytes, item, isExplicit);
  bytes.setUint32(lengthPlace, bytes.length - lengthPlace - 4);
}

function writeTag(bytes: GrowingBytes, tag: number): void {
  bytes.uint16(tag >>> 16);
  bytes.uint16(tag & 0xffff);
}

function writeLength(bytes: GrowingBytes, vr: string, length: number): void {
  bytes.ascii(vr);
  if (longForms.has(vr)) {
    bytes.uint16(0);
    bytes.uint32(length);
  } else bytes.uint16(length);
}

/**
 * Returns a decimal string (DS) of at most 16 characters with as many digits as fit.
 *
 * @example decimalText(-12.345678901234567) // "-12.345678901235"
 */
export function decimalText(value: number): string {
  const short = String(value);
  if (short.length <= 16) return short;
  for (let digits = 15; digits > 0; digits--) {
    const text = String(Number(value.toPrecision(digits)));
    if (text.length <= 16) return text;
  }
  throw new RangeError(`${value} does not fit a decimal string`);
}
