import { counted } from "../../../contract/counted.js";
import type { ProcessorError } from "../../../contract/errors.js";
import { imageError } from "../../errors.js";
import type { ElementType } from "../element-type.js";
import { decimalOf, shown, utf8Of } from "../header-values.js";
import { metaimageFiles } from "./metaimage-files.js";

/** The numbers of a header field, with their text as it was written. */
export interface WrittenNumbers {
  readonly values: readonly number[];
  readonly text: string;
}

/** A checked MetaImage header. */
export interface MetaimageHeader {
  readonly type: ElementType;
  /** x first; 2 to 4 axes. */
  readonly sizes: readonly number[];
  readonly components: number;
  /** The spacings, which may be negative but never 0; null if the header has none. */
  readonly spacings: WrittenNumbers | null;
  readonly origin: WrittenNumbers | null;
  /** The direction vectors of the axes, one after the other. */
  readonly matrix: WrittenNumbers | null;
  readonly isBigEndian: boolean;
  readonly encoding: "raw" | "zlib" | "text";
  /** The length of the compressed voxels in bytes; null if the header does not give it. */
  readonly compressedBytes: number | null;
  /** The offset of the voxels in their file; -1 if they are its last bytes; null if the header has no such field. */
  readonly headerSize: number | null;
  /** Null if the voxels follow the header. */
  readonly dataFiles: readonly string[] | null;
  readonly length: number;
}

/** Names that mean the same field; MetaIO takes the first of these that is present. */
const originFields = ["ImagePosition", "Origin", "Offset", "Position"] as const;
const matrixFields = ["TransformMatrix", "Rotation", "Orientation"] as const;
const spacingFields = ["ElementSpacing", "ElementSize"] as const;

/** The fields that are read. Every other field is free text, or ITK does not use it for the image either. */
const fieldNames = [
  "NDims",
  "DimSize",
  "ElementType",
  "ElementNumberOfChannels",
  "ElementDataFile",
  "HeaderSize",
  "BinaryData",
  "CompressedData",
  "CompressedDataSize",
  "BinaryDataByteOrderMSB",
  "ElementByteOrderMSB",
  ...originFields,
  ...matrixFields,
  ...spacingFields,
] as const;

type FieldName = (typeof fieldNames)[number];

const knownFields: ReadonlySet<string> = new Set(fieldNames);

/**
 * Reads a header by the rules of MetaIO, the reader inside ITK.
 *
 * @returns null if the header does not end within these bytes
 * @throws IMAGE_INVALID, IMAGE_UNSUPPORTED
 */
export function parseMetaimageHeader(
  path: string,
  bytes: Buffer,
  isWholeFile: boolean,
): MetaimageHeader | null {
  const text = bytes.toString("latin1");
  const fields = new Map<FieldName, string>();
  for (let at = 0; ; ) {
    const field = fieldAt(text, at, isWholeFile);
    if (field === null) break;
    at = field.next;
    // If a field appears twice, the last one counts, as in MetaIO.
    if (knownFields.has(field.name)) fields.set(field.name as FieldName, field.value);
    if (field.name !== "ElementDataFile") continue;
    // The names of a list follow the header.
    if (field.value.startsWith("LIST") && !isWholeFile) return null;
    return new HeaderParser(path, fields).parse(text, at);
  }
  if (!isWholeFile) return null;
  throw imageError("IMAGE_INVALID", `${path}: this is not a MetaImage header (ElementDataFile is missing)`);
}

interface Field {
  readonly name: string;
  readonly value: string;
  /** The position of the next line. */
  readonly next: number;
}

/**
 * Reads one field. `=` or `:` ends a name. A line without either takes the value of the next line, and the name in that
 * line is lost.
 */
function fieldAt(text: string, start: number, isWholeFile: boolean): Field | null {
  const isSeparator = (at: number) => text[at] === "=" || text[at] === ":";
  const isBlank = (at: number) => text[at] === " " || text[at] === "\t";
  let at = start;
  while (at < text.length && !isSeparator(at) && isSpace(text.charCodeAt(at))) at++;
  const nameStart = at;
  while (at < text.length && !isSeparator(at) && text[at] !== "\n" && text[at] !== "\r") at++;
  const name = text.slice(nameStart, at).trimEnd();
  while (at < text.length && !isSeparator(at)) at++;
  while (at < text.length && (isSeparator(at) || isBlank(at))) at++;
  const valueStart = at;
  while (at < text.length && text[at] !== "\n") at++;
  if (at === text.length && (!isWholeFile || valueStart === text.length)) return null;
  return { name, value: text.slice(valueStart, at).trimEnd(), next: Math.min(at + 1, text.length) };
}

const isSpace = (code: number): boolean => code === 32 || (code >= 9 && code <= 13);

class HeaderParser {
  readonly #path: string;
  readonly #fields: ReadonlyMap<FieldName, string>;

  constructor(path: string, fields: ReadonlyMap<FieldName, string>) {
    this.#path = path;
    this.#fields = fields;
  }

  parse(text: string, length: number): MetaimageHeader {
    const rank = this.#integer("NDims", 0);
    if (rank === null) throw this.#invalid("NDims is missing");
    if (rank < 2 || rank > 4)
      throw this.#unsupported("NDims", "it must be 2 or 3, or it may be 4 for an image with frames");
    const sizes = this.#numbers("DimSize", rank)?.values;
    if (sizes === undefined) throw this.#invalid("DimSize is missing");
    const components = this.#integer("ElementNumberOfChannels", 1) ?? 1;
    const encoding = this.#encoding(components);
    const local = this.#fields.get("ElementDataFile")!;
    const isLocal = ["LOCAL", "Local", "local"].includes(local);
    const compressedBytes = this.#integer("CompressedDataSize", 0);
    return {
      type: this.#type(),
      sizes,
      components,
      spacings: this.#first(spacingFields, rank),
      origin: this.#first(originFields, rank),
      matrix: this.#first(matrixFields, rank * rank),
      isBigEndian: this.#isBigEndian(encoding),
      encoding,
      compressedBytes: encoding === "zlib" && compressedBytes !== 0 ? compressedBytes : null,
      headerSize: this.#headerSize(encoding),
      dataFiles: isLocal
        ? null
        : metaimageFiles(this.#path, utf8Of(local), { sizes, linesAfter: () => utf8Of(text.slice(length)) }),
      length,
    };
  }

  #type(): ElementType {
    const type = elementTypes.get(this.#fields.get("ElementType")?.replace(/_ARRAY$/, "") ?? "");
    if (type === undefined)
      throw this.#unsupported("ElementType", `known types are ${[...elementTypes.keys()].join(", ")}`);
    return type;
  }

  #encoding(components: number): MetaimageHeader["encoding"] {
    const isCompressed = this.#isTrue("CompressedData") ?? false;
    if (this.#isTrue("BinaryData") ?? true) return isCompressed ? "zlib" : "raw";
    // For such files, MetaIO reads too few numbers, or memory that it never filled.
    if (components > 1 || isCompressed)
      throw this.#unsupported("BinaryData", "voxels as text must have one channel and no compression");
    return "text";
  }

  #isBigEndian(encoding: MetaimageHeader["encoding"]): boolean {
    const isBig = this.#isTrue("BinaryDataByteOrderMSB") ?? this.#isTrue("ElementByteOrderMSB") ?? false;
    if (isBig && encoding === "text")
      throw this.#unsupported(
        "BinaryData",
        "voxels as text have no byte order, but the header says MSB first",
      );
    return isBig;
  }

  #headerSize(encoding: MetaimageHeader["encoding"]): number | null {
    const size = this.#integer("HeaderSize", -1);
    if (size === -1 && encoding !== "raw")
      throw this.#unsupported(
        "HeaderSize",
        "-1 (counted from the end) needs voxels that are neither compressed nor text",
      );
    return size === 0 ? null : size;
  }

  /** Returns the value of a Boolean field by its first letter, as MetaIO does; null if the header has no such field. */
  #isTrue(name: FieldName): boolean | null {
    const value = this.#fields.get(name);
    return value === undefined ? null : /^[Tt1]/.test(value);
  }

  #first(names: readonly FieldName[], count: number): WrittenNumbers | null {
    const name = names.find((candidate) => this.#fields.has(candidate));
    return name === undefined ? null : this.#numbers(name, count);
  }

  /** Reads the numbers of a field and ignores the text after them on their line, as MetaIO does. */
  #numbers(name: FieldName, count: number): WrittenNumbers | null {
    const text = this.#fields.get(name);
    if (text === undefined) return null;
    const words = text.split(/[ \t]+/, count);
    const values = words.map(decimalOf);
    if (values.length < count || values.includes(null))
      throw this.#invalid(`${name} is ${shown(text)}, not ${counted(count, "number")}`);
    return { values: values as number[], text: words.join(" ") };
  }

  #integer(name: FieldName, least: number): number | null {
    const text = this.#fields.get(name);
    if (text === undefined) return null;
    const value = decimalOf(text.split(/[ \t]/, 1)[0]!);
    if (value === null || !Number.isSafeInteger(value) || value < least)
      throw this.#invalid(`${name} is ${shown(text)}`);
    return value;
  }

  #invalid = (what: string): ProcessorError => imageError("IMAGE_INVALID", `${this.#path}: ${what}`);

  #unsupported = (name: FieldName, known: string): ProcessorError =>
    imageError(
      "IMAGE_UNSUPPORTED",
      `${this.#path}: ${name} is ${shown(this.#fields.get(name) ?? "")}; ${known}`,
    );
}

const elementTypes: ReadonlyMap<string, ElementType> = new Map<string, ElementType>([
  ["MET_CHAR", "int8"],
  ["MET_ASCII_CHAR", "int8"],
  ["MET_UCHAR", "uint8"],
  ["MET_SHORT", "int16"],
  ["MET_USHORT", "uint16"],
  ["MET_INT", "int32"],
  ["MET_UINT", "uint32"],
  ["MET_LONG", "int32"],
  ["MET_ULONG", "uint32"],
  ["MET_LONG_LONG", "int64"],
  ["MET_ULONG_LONG", "uint64"],
  ["MET_FLOAT", "float32"],
  ["MET_DOUBLE", "float64"],
]);
