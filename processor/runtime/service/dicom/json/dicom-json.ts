import type { DataElement, DataSet } from "../../../../imaging/dicom/data-set.js";
import { decodeText } from "../../../../imaging/dicom/decode-text.js";
import { MalformedDataSet } from "../../../../imaging/dicom/scan-elements.js";
import { vrOf } from "./attribute-vr.js";

/** A data set in the DICOM JSON model (PS3.18, annex F), by tags as eight hexadecimal digits. */
export type DicomJson = { readonly [tag: string]: DicomJsonElement };

export interface DicomJsonElement {
  readonly vr: string;
  readonly Value?: readonly unknown[];
  /** Base64. */
  readonly InlineBinary?: string;
}

/** Longer binary values and lists of numbers, such as tables, are left out; a client gets them with the whole object. */
const longestInline = 1 << 16;

/** How much of a data set becomes JSON. */
export interface DicomJsonLimits {
  /** The attributes to take; null for all of them. */
  readonly only: ReadonlySet<number> | null;
  /** Longer values are left out. */
  readonly longestValue: number;
}

const noLimits: DicomJsonLimits = { only: null, longestValue: Number.POSITIVE_INFINITY };

/** Texts are in UTF-8 in JSON, so this attribute says so (PS3.18, F.2). */
const specificCharacterSet = 0x00080005;

/**
 * Returns a data set as JSON, or only some of its attributes.
 *
 * @throws MalformedDataSet if `checkSequences` refuses the data set, too
 */
export function dicomJson(dataSet: DataSet, { only, longestValue }: DicomJsonLimits = noLimits): DicomJson {
  const json: Record<string, DicomJsonElement> = {};
  for (const tag of [...dataSet.tags()].sort((a, b) => a - b)) {
    // Group lengths are retired, and group 0002 belongs to the file.
    if ((tag & 0xffff) === 0 || tag < 0x00080000) continue;
    if (only !== null && !only.has(tag)) continue;
    const element = dataSet.element(tag);
    if (element === null || element.value.length > longestValue) continue;
    const shown = elementJson(dataSet, element);
    if (shown !== null) json[hexOf(tag)] = shown;
  }
  return json;
}

/** As many levels as a file may have whose sequences say that they are some. */
const deepestNesting = 64;

/**
 * Checks that all items of sequences can be read, so that the whole data set can become JSON later.
 *
 * @throws MalformedDataSet
 */
export function checkSequences(dataSet: DataSet, depth = 0): void {
  if (depth > deepestNesting)
    throw new MalformedDataSet(
      "too-deep",
      `its sequences are nested more than ${deepestNesting} levels deep`,
    );
  for (const tag of dataSet.tags())
    for (const item of itemsOf(dataSet, dataSet.element(tag)!) ?? []) checkSequences(item, depth + 1);
}

/** Returns the items of a sequence; null for any other element, and for bytes that are not items. */
function itemsOf(dataSet: DataSet, { tag, vr }: DataElement): readonly DataSet[] | null {
  if (vr === "SQ") return dataSet.items(tag);
  if (vr !== "UN" || vrOf(tag) !== "SQ") return null;
  try {
    return dataSet.items(tag);
  } catch (error) {
    if (error instanceof MalformedDataSet) return null;
    throw error;
  }
}

export const hexOf = (tag: number): string => tag.toString(16).toUpperCase().padStart(8, "0");

function elementJson(dataSet: DataSet, element: DataElement): DicomJsonElement | null {
  const { tag, vr: written, value } = element;
  if (tag === specificCharacterSet) return { vr: "CS", Value: ["ISO_IR 192"] };
  const items = itemsOf(dataSet, element);
  if (items !== null)
    return items.length === 0 ? { vr: "SQ" } : { vr: "SQ", Value: items.map((item) => dicomJson(item)) };
  const known = vrOf(tag) ?? "UN";
  const vr = written !== "UN" ? written : known === "SQ" ? "UN" : known;
  if (value.length === 0) return { vr };
  if (binaryVrs.has(vr)) {
    if (value.length > longestInline) return null;
    return { vr, InlineBinary: Buffer.from(littleEndian(value, vr, dataSet.isBigEndian)).toString("base64") };
  }
  if (numberReaders[vr] !== undefined && value.length > longestInline) return null;
  const values = valuesOf(dataSet, vr, value);
  return values.every((one) => one === null) ? { vr } : { vr, Value: values };
}

const binaryVrs: ReadonlySet<string> = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "UN"]);
const wordBytes: Readonly<Record<string, number>> = { OW: 2, OF: 4, OL: 4, OD: 8, OV: 8 };

function littleEndian(value: Uint8Array, vr: string, isBigEndian: boolean): Uint8Array {
  const size = wordBytes[vr] ?? 1;
  if (!isBigEndian || size === 1 || value.length % size !== 0) return value;
  const turned = new Uint8Array(value.length);
  for (let i = 0; i < value.length; i++) turned[i] = value[i - (i % size) + size - 1 - (i % size)]!;
  return turned;
}

/** Numbers that a text holds. */
const numberTexts: ReadonlySet<string> = new Set(["DS", "IS"]);
/** Texts in which a backslash is a letter. */
const singleTexts: ReadonlySet<string> = new Set(["LT", "ST", "UT", "UR"]);
/** Texts in the data set's character set; the others are ASCII. */
const localTexts: ReadonlySet<string> = new Set(["SH", "LO", "UC", "LT", "ST", "UT", "PN"]);

function valuesOf(dataSet: DataSet, vr: string, value: Uint8Array): readonly unknown[] {
  const read = numberReaders[vr];
  if (read !== undefined) return numbersOf(value, read, !dataSet.isBigEndian);
  const text = decodeText(value, localTexts.has(vr) ? dataSet.characterSets : [], {
    isPersonName: vr === "PN",
  }).replace(/[ \0]+$/, "");
  if (singleTexts.has(vr)) return [text];
  return text.split("\\").map((part) => {
    const trimmed = part.replace(/^ +| +$/g, "");
    if (trimmed === "") return null;
    if (numberTexts.has(vr)) return Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
    return vr === "PN" ? personName(trimmed) : trimmed;
  });
}

const groupsOfName = ["Alphabetic", "Ideographic", "Phonetic"] as const;

const personName = (text: string): object =>
  Object.fromEntries(
    text.split("=").flatMap((group, i) => {
      const name = groupsOfName[i];
      return name === undefined || group === "" ? [] : [[name, group]];
    }),
  );

interface NumberReader {
  readonly bytes: number;
  readonly read: (view: DataView, at: number, isLittleEndian: boolean) => unknown;
}

const numberReaders: Readonly<Record<string, NumberReader>> = {
  US: { bytes: 2, read: (view, at, little) => view.getUint16(at, little) },
  SS: { bytes: 2, read: (view, at, little) => view.getInt16(at, little) },
  UL: { bytes: 4, read: (view, at, little) => view.getUint32(at, little) },
  SL: { bytes: 4, read: (view, at, little) => view.getInt32(at, little) },
  FL: { bytes: 4, read: (view, at, little) => finite(view.getFloat32(at, little)) },
  FD: { bytes: 8, read: (view, at, little) => finite(view.getFloat64(at, little)) },
  UV: { bytes: 8, read: (view, at, little) => view.getBigUint64(at, little).toString() },
  SV: { bytes: 8, read: (view, at, little) => view.getBigInt64(at, little).toString() },
  AT: {
    bytes: 4,
    read: (view, at, little) => hexOf(view.getUint16(at, little) * 0x10000 + view.getUint16(at + 2, little)),
  },
};

const finite = (value: number): number | string => (Number.isFinite(value) ? value : String(value));

function numbersOf(value: Uint8Array, { bytes, read }: NumberReader, isLittleEndian: boolean): unknown[] {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return Array.from({ length: Math.floor(value.length / bytes) }, (_, i) =>
    read(view, i * bytes, isLittleEndian),
  );
}
