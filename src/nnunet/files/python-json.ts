import { writeFileWhole } from "../../../processor/files/write-file.js";

export interface PythonJsonStyle {
  /** True to sort the keys of objects by code point; false to keep their order. */
  readonly sortsKeys: boolean;
}

/**
 * Formats a value as Python's `json.dump(indent=4)` does: NaN and Infinity are written literally, and characters beyond
 * ASCII are escaped. Maps are objects whose keys keep their order, even if they look like numbers.
 */
export function pythonJson(value: unknown, style: PythonJsonStyle): string {
  return formatted(value, style, "\n");
}

function formatted(value: unknown, style: PythonJsonStyle, lineStart: string): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "number") return numberText(value);
  if (typeof value === "string") return textLiteral(value);
  if (typeof value === "boolean") return String(value);
  const inner = `${lineStart}    `;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[${value.map((item) => inner + formatted(item, style, inner)).join(",")}${lineStart}]`;
  }
  const entries = entriesOf(value);
  if (style.sortsKeys) entries.sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return "{}";
  const lines = entries.map(([key, item]) => `${inner}${textLiteral(key)}: ${formatted(item, style, inner)}`);
  return `{${lines.join(",")}${lineStart}}`;
}

const entriesOf = (value: object): [string, unknown][] =>
  (value instanceof Map ? [...(value as ReadonlyMap<string, unknown>)] : Object.entries(value)).filter(
    ([, item]) => item !== undefined,
  );

function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return Object.is(value, -0) ? "-0.0" : String(value);
}

/** Escapes as Python does with `ensure_ascii`. */
const textLiteral = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/**
 * Writes a JSON file in Python's form.
 *
 * @throws DISK_FULL, OUTPUT_UNWRITABLE
 */
export const writePythonJson = (path: string, value: unknown, style: PythonJsonStyle): Promise<void> =>
  writeFileWhole(path, [Buffer.from(pythonJson(value, style))]);
