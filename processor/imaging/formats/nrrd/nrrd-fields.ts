import { imageError } from "../../errors.js";
import { shown } from "../header-values.js";

/** The fields of an NRRD header by their usual names, without key/value pairs and comments. */
export interface NrrdFields {
  readonly values: ReadonlyMap<NrrdFieldName, string>;
  /** The file names after `data file: LIST`, one per line. */
  readonly listedFiles: readonly string[];
  /** The length of the header in bytes, including the empty line that ends it. */
  readonly length: number;
}

const fieldNames = [
  "content",
  "number",
  "type",
  "block size",
  "dimension",
  "space",
  "space dimension",
  "sizes",
  "spacings",
  "thicknesses",
  "axis mins",
  "axis maxs",
  "space directions",
  "centerings",
  "kinds",
  "labels",
  "units",
  "min",
  "max",
  "old min",
  "old max",
  "endian",
  "encoding",
  "line skip",
  "byte skip",
  "sample units",
  "space units",
  "space origin",
  "measurement frame",
  "data file",
] as const;

export type NrrdFieldName = (typeof fieldNames)[number];

/** The spellings of the field names, which may be written without blanks: `byteskip`. */
const spellings: ReadonlyMap<string, NrrdFieldName> = new Map<string, NrrdFieldName>([
  ...fieldNames.flatMap((name) => [[name, name] as const, [name.replaceAll(" ", ""), name] as const]),
  ["centers", "centerings"],
]);

const magics: readonly string[] = ["NRRD00.01", "NRRD0001", "NRRD0002", "NRRD0003", "NRRD0004", "NRRD0005"];

/** The most lines after `data file: LIST`; no volume has more slices. */
const mostListedFiles = 1 << 16;

/**
 * Separates the lines of a header by the rules of NrrdIO, the reader inside ITK.
 *
 * @returns null if the header does not end within these bytes
 * @throws IMAGE_INVALID for a line that is not a field, pair or comment, and for a field that appears twice
 */
export function parseNrrdFields(path: string, bytes: Buffer, isWholeFile: boolean): NrrdFields | null {
  const first = lineAt(bytes, 0, isWholeFile);
  if (!bytes.toString("latin1", 0, 4).startsWith("NRRD"))
    throw imageError("IMAGE_INVALID", `${path}: this is not an NRRD header (it does not begin with NRRD)`);
  if (first === null || first.next === bytes.length) return null;
  if (!magics.includes(first.text))
    throw imageError(
      "IMAGE_UNSUPPORTED",
      `${path}: it begins with ${shown(first.text)}; versions NRRD0001 to NRRD0005 can be read`,
    );
  const values = new Map<NrrdFieldName, string>();
  const listedFiles: string[] = [];
  const end = (length: number): NrrdFields => ({ values, listedFiles, length });
  let at = first.next;
  while (true) {
    const line = lineAt(bytes, at, isWholeFile);
    // A header that names a data file may end with the end of its own file.
    if (line === null) return isWholeFile && values.has("data file") ? end(bytes.length) : null;
    at = line.next;
    if (line.text === "") return end(at);
    if (values.get("data file")?.startsWith("LIST") === true) {
      if (listedFiles.push(line.text) > mostListedFiles)
        throw imageError("IMAGE_UNSUPPORTED", `${path}: it lists more than ${mostListedFiles} files`);
    } else {
      addField(path, line.text, values);
    }
  }
}

interface Line {
  readonly text: string;
  /** The position of the next line. */
  readonly next: number;
}

/** Reads one line, which ends with LF, CR LF or CR. */
function lineAt(bytes: Buffer, start: number, isWholeFile: boolean): Line | null {
  let end = start;
  while (end < bytes.length && bytes[end] !== 0x0a && bytes[end] !== 0x0d) end++;
  const isCut = end === bytes.length || (bytes[end] === 0x0d && end + 1 === bytes.length);
  if (isCut && (!isWholeFile || end === start)) return null;
  const text = bytes.toString("latin1", start, end);
  if (end === bytes.length) return { text, next: end };
  return { text, next: bytes[end] === 0x0d && bytes[end + 1] === 0x0a ? end + 2 : end + 1 };
}

/**
 * Adds the field of a line. Key/value pairs (`key:=value`) are ignored, because they are free text even if the key is
 * the name of a field.
 */
function addField(path: string, line: string, values: Map<NrrdFieldName, string>): void {
  if (line.startsWith("#")) return;
  const separator = line.indexOf(": ");
  const name = separator < 0 ? undefined : spellings.get(line.slice(0, separator).toLowerCase());
  if (name === undefined && line.includes(":=")) return;
  // Some writers omit the blank, but the name still shows that the line is a field.
  const colon = name === undefined ? line.indexOf(":") : separator;
  const found = name ?? (colon < 0 ? undefined : spellings.get(line.slice(0, colon).toLowerCase()));
  if (found === undefined)
    throw imageError(
      "IMAGE_INVALID",
      `${path}: ${shown(line)} is not a field of the NRRD format ("name: value"), nor a pair ("key:=value"), nor a comment ("# …")`,
    );
  if (values.has(found))
    throw imageError("IMAGE_INVALID", `${path}: the field ${shown(found)} appears twice`);
  values.set(found, line.slice(colon + 1).trim());
}
