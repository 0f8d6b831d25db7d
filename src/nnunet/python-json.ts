/**
 * A value that Python's `json.dump` would write. A whole number is an int, a bigint one of any size, any other number a float; `PythonFloat` marks a
 * float that may be whole. A map keeps its order of keys; a plain object moves keys such as "1" to the front.
 */
export type PythonJson =
  | null
  | boolean
  | number
  | bigint
  | string
  | PythonFloat
  | readonly PythonJson[]
  | ReadonlyMap<string, PythonJson>
  | { readonly [key: string]: PythonJson };

/** A number that Python holds as a float, so that 4 is written as 4.0. */
export class PythonFloat {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

export interface PythonJsonOptions {
  /** True for `sort_keys=True`. */
  readonly sortKeys: boolean;
}

/**
 * Returns the text that `json.dumps(value, indent=4)` returns: `NaN` as a literal, and characters outside ASCII as
 * escapes.
 *
 * @example pythonJson({ b: new PythonFloat(4), a: [1] }, { sortKeys: true })
 */
export const pythonJson = (value: PythonJson, options: PythonJsonOptions): string =>
  textOf(value, "", options);

const step = "    ";

function textOf(value: PythonJson, indent: string, options: PythonJsonOptions): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return quoted(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") return Number.isInteger(value) ? integerText(value) : floatText(value);
  if (value instanceof PythonFloat) return floatText(value.value);
  const inner = indent + step;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    const items = (value as readonly PythonJson[]).map((item) => inner + textOf(item, inner, options));
    return `[\n${items.join(",\n")}\n${indent}]`;
  }
  const entries = value instanceof Map ? [...value] : Object.entries(value as Record<string, PythonJson>);
  if (entries.length === 0) return "{}";
  const ordered = options.sortKeys ? entries.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)) : entries;
  const lines = ordered.map(([key, item]) => `${inner}${quoted(key)}: ${textOf(item, inner, options)}`);
  return `{\n${lines.join(",\n")}\n${indent}}`;
}

const quoted = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

const integerText = (value: number): string =>
  Object.is(value, -0) ? "0" : Math.abs(value) < 1e21 ? String(value) : BigInt(value).toString();

/**
 * Returns Python's `repr` of a float: the shortest digits, with an exponent below 1e-4 and from 1e16.
 *
 * @example floatText(0.00001) // "1e-05"
 */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [mantissa = "", exponentText = ""] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) {
    const digits = String(Math.abs(exponent)).padStart(2, "0");
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${digits}`;
  }
  const plain = exponent < -6 || exponent > 20 ? value.toFixed(20) : String(value);
  return plain.includes(".") ? plain : `${plain}.0`;
}
