import { counted } from "../../../contract/counted.js";
import type { ProcessorError } from "../../../contract/errors.js";
import { imageError } from "../../errors.js";
import type { ElementType } from "../element-type.js";
import { decimalOf, shown, utf8Of, wordsOf } from "../header-values.js";
import { hasFileNumber, numberedFiles } from "../numbered-files.js";
import type { StoredVoxels } from "../stored-voxels.js";
import { type NrrdFieldName, type NrrdFields, parseNrrdFields } from "./nrrd-fields.js";
import { elementTypes, encodings, kinds, type NrrdKind, type NrrdSpace, spaces } from "./nrrd-words.js";

/** One axis. A field is null if the header does not give it. */
export interface NrrdAxis {
  readonly size: number;
  readonly kind: NrrdKind | null;
  /** The spacing, which may be negative but never 0. */
  readonly spacing: number | null;
  readonly direction: NrrdVector | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly centering: "node" | "cell" | null;
}

export interface NrrdVector {
  readonly values: readonly number[];
  /** The numbers as they were written in the file. */
  readonly text: string;
}

/** A checked NRRD header. */
export interface NrrdHeader {
  readonly type: ElementType;
  /** The axes, fastest first. */
  readonly axes: readonly NrrdAxis[];
  /** Null if the header has no field `space`. */
  readonly space: NrrdSpace | null;
  /** The length of the vectors; 0 for a header without a space. */
  readonly spaceDimension: number;
  readonly spaceOrigin: NrrdVector | null;
  readonly isBigEndian: boolean;
  readonly encoding: StoredVoxels["encoding"];
  readonly lineSkip: number;
  readonly byteSkip: number;
  /** Null if the voxels follow the header. */
  readonly dataFiles: readonly string[] | null;
  readonly length: number;
}

/**
 * Reads and checks a header.
 *
 * @returns null if the header does not end within these bytes
 * @throws IMAGE_INVALID, IMAGE_UNSUPPORTED
 */
export function parseNrrdHeader(path: string, bytes: Buffer, isWholeFile: boolean): NrrdHeader | null {
  const fields = parseNrrdFields(path, bytes, isWholeFile);
  return fields === null ? null : new HeaderParser(path, fields).parse();
}

class HeaderParser {
  readonly #dimension: number;
  readonly #spaceDimension: number;

  readonly #path: string;
  readonly #fields: NrrdFields;

  constructor(path: string, fields: NrrdFields) {
    this.#path = path;
    this.#fields = fields;

    for (const name of ["type", "dimension", "sizes", "encoding"] as const) {
      if (!fields.values.has(name)) throw this.#invalid(`the required field ${shown(name)} is missing`);
    }
    this.#dimension = this.#integer("dimension", 1, mostAxes);
    const space = this.#space();
    if (space !== null && this.#text("space dimension") !== undefined)
      throw this.#invalid("it has both a space and a space dimension");
    this.#spaceDimension =
      this.#text("space dimension") === undefined
        ? (space?.dimension ?? 0)
        : this.#integer("space dimension", 1, mostSpaceAxes);
  }

  parse(): NrrdHeader {
    if (this.#text("block size") !== undefined)
      throw this.#unsupported("block size", "voxels must be numbers, not blocks");
    const type = this.#oneOf("type", elementTypes);
    const encoding = this.#oneOf("encoding", encodings);
    return {
      type,
      axes: this.#axes(),
      space: this.#space(),
      spaceDimension: this.#spaceDimension,
      spaceOrigin: this.#vectors("space origin", 1)?.[0] ?? null,
      isBigEndian: this.#isBigEndian(type, encoding),
      encoding,
      lineSkip: this.#integer("line skip", 0, Number.MAX_SAFE_INTEGER, 0),
      byteSkip: this.#integer("byte skip", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 0),
      dataFiles: this.#dataFiles(),
      length: this.#fields.length,
    };
  }

  #axes(): readonly NrrdAxis[] {
    const sizes = this.#words("sizes")!.map((word) => this.#wholeNumber("sizes", word));
    const axisKinds = this.#words("kinds")?.map((word) => this.#kind(word));
    const spacings = this.#numbers("spacings");
    if (spacings?.includes(0)) throw this.#badValue("spacings");
    const mins = this.#numbers("axis mins");
    const maxs = this.#numbers("axis maxs");
    const directions = this.#vectors("space directions", this.#dimension);
    const centerings = this.#words("centerings")?.map((word) => this.#centering(word));
    return sizes.map((size, axis) => ({
      size,
      kind: axisKinds?.[axis] ?? null,
      spacing: spacings?.[axis] ?? null,
      direction: directions?.[axis] ?? null,
      min: mins?.[axis] ?? null,
      max: maxs?.[axis] ?? null,
      centering: centerings?.[axis] ?? null,
    }));
  }

  #isBigEndian(type: ElementType, encoding: StoredVoxels["encoding"]): boolean {
    const value = this.#text("endian")?.toLowerCase();
    if (value !== undefined && value !== "little" && value !== "big") throw this.#badValue("endian");
    if (value === undefined && encoding !== "text" && type !== "int8" && type !== "uint8")
      throw this.#invalid("the field endian is missing, so that the byte order of the voxels is unknown");
    // Voxels as text have no byte order.
    return value === "big" && encoding !== "text";
  }

  #space(): NrrdSpace | null {
    return this.#text("space") === undefined ? null : this.#oneOf("space", spaces);
  }

  #kind(word: string): NrrdKind | null {
    if (word === "???" || word === "none") return null;
    const kind = kinds.get(word.toLowerCase());
    if (kind === undefined) throw this.#badValue("kinds");
    return kind;
  }

  #centering(word: string): NrrdAxis["centering"] {
    if (word === "???" || word === "none") return null;
    const centering = word.toLowerCase();
    if (centering === "node" || centering === "cell") return centering;
    throw this.#badValue("centerings");
  }

  #dataFiles(): readonly string[] | null {
    const value = this.#text("data file");
    if (value === undefined) return null;
    const [template, ...numbers] = wordsOf(value);
    if (value.startsWith("LIST")) {
      this.#checkFileCount(this.#fields.listedFiles.length, wordsOf(value.slice(4))[0]);
      return this.#fields.listedFiles.map(utf8Of);
    }
    if (template === undefined || !hasFileNumber(template)) return [utf8Of(value)];
    const [first, last, step] = numbers.map((word) => (/^[+-]?\d+$/.test(word) ? Number(word) : Number.NaN));
    if (first === undefined || last === undefined || step === undefined) throw this.#badValue("data file");
    const files = numberedFiles(this.#path, utf8Of(template), { first, last, step });
    this.#checkFileCount(files.length, numbers[3]);
    return files;
  }

  /** @param word the number of axes that each file holds; when absent, all axes but the slowest */
  #checkFileCount(count: number, word = `${this.#dimension - 1}`): void {
    const held = this.#wholeNumber("data file", word);
    const sizes = this.#words("sizes")!.map(Number);
    const slices = sizes.slice(held).reduce((product, size) => product * size, 1);
    // Files that hold all axes share the slowest axis.
    const fits = held === this.#dimension ? count > 0 && sizes.at(-1)! % count === 0 : slices === count;
    if (held < 1 || held > this.#dimension || !fits)
      throw this.#invalid(
        `${counted(count, "data file does", "data files do")} not make up ${sizes.join(" × ")} voxels`,
      );
  }

  #text(name: NrrdFieldName): string | undefined {
    return this.#fields.values.get(name);
  }

  /** Returns the words of a field that has one word for each axis. */
  #words(name: NrrdFieldName): readonly string[] | undefined {
    const value = this.#text(name);
    if (value === undefined) return undefined;
    const words = wordsOf(value);
    if (words.length !== this.#dimension)
      throw this.#invalid(
        `${name} has ${counted(words.length, "value")} for ${counted(this.#dimension, "axis", "axes")}`,
      );
    return words;
  }

  /** Returns the numbers of a field that has one number for each axis; null for `nan`, which means unknown. */
  #numbers(name: NrrdFieldName): readonly (number | null)[] | undefined {
    return this.#words(name)?.map((word) => this.#number(name, word));
  }

  #number(name: NrrdFieldName, word: string): number | null {
    if (/^[+-]?nan$/i.test(word)) return null;
    const value = decimalOf(word);
    if (value === null) throw this.#badValue(name);
    return value;
  }

  #wholeNumber(name: NrrdFieldName, word: string): number {
    if (!/^\d+$/.test(word)) throw this.#badValue(name);
    return Number(word);
  }

  #integer(name: NrrdFieldName, least: number, most: number, otherwise?: number): number {
    const text = this.#text(name);
    if (text === undefined && otherwise !== undefined) return otherwise;
    const value = /^[+-]?\d+$/.test(text ?? "") ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) throw this.#badValue(name);
    return value;
  }

  #oneOf<Value>(name: NrrdFieldName, values: ReadonlyMap<string, Value>): Value {
    const value = values.get(this.#text(name)!.toLowerCase());
    if (value === undefined)
      throw this.#unsupported(name, `known values are ${[...values.keys()].join(", ")}`);
    return value;
  }

  /** Reads vectors like `(1,0,0)`; returns null for `none` and for vectors of nan. */
  #vectors(name: NrrdFieldName, count: number): readonly (NrrdVector | null)[] | null {
    const text = this.#text(name);
    if (text === undefined) return null;
    if (this.#spaceDimension === 0)
      throw this.#invalid(`it has ${name}, but neither space nor space dimension`);
    const vectors: (NrrdVector | null)[] = [];
    let rest = text;
    while (rest !== "" && vectors.length < count) {
      const isNone = /^none(?:[ \t]|$)/.test(rest);
      const end = isNone ? 4 : rest.indexOf(")") + 1;
      if (end === 0 || !(isNone || rest.startsWith("("))) throw this.#badValue(name);
      vectors.push(isNone ? null : this.#vector(name, rest.slice(1, end - 1)));
      rest = rest.slice(end).trimStart();
    }
    if (rest !== "" || vectors.length !== count) throw this.#badValue(name);
    return vectors;
  }

  #vector(name: NrrdFieldName, text: string): NrrdVector | null {
    const words = text.split(",").map((word) => word.trim());
    const values = words.map((word) => this.#number(name, word));
    if (values.length !== this.#spaceDimension) throw this.#badValue(name);
    if (values.every((value) => value === null)) return null;
    if (values.includes(null)) throw this.#badValue(name);
    return { values: values as number[], text: `(${words.join(",")})` };
  }

  #badValue = (name: NrrdFieldName): ProcessorError =>
    this.#invalid(`${name} is ${shown(this.#text(name) ?? "")}`);

  #invalid = (what: string): ProcessorError => imageError("IMAGE_INVALID", `${this.#path}: ${what}`);

  #unsupported = (name: NrrdFieldName, known: string): ProcessorError =>
    imageError("IMAGE_UNSUPPORTED", `${this.#path}: ${name} is ${shown(this.#text(name) ?? "")}; ${known}`);
}

/** The limits NRRD_DIM_MAX and NRRD_SPACE_DIM_MAX of NrrdIO. */
const mostAxes = 16;
const mostSpaceAxes = 8;
