import { type JsonCheck, JsonMismatch, readOrNull } from "./json-check.js";

/**
 * Parses a document and checks it before anything of it is used.
 *
 * @param invalid makes the error from a reason such as `is not JSON` or `has an unexpected form: layers should be a list`
 */
export function parseChecked<T>(
  text: string,
  check: JsonCheck<T>,
  invalid: (reason: string, cause?: unknown) => Error,
): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid("is not JSON", cause);
  }
  try {
    return check.read(json, "");
  } catch (error) {
    if (error instanceof JsonMismatch) throw invalid(`has an unexpected form: ${error.message}`);
    throw error;
  }
}

/** Parses a document that may be damaged, or written by another version; null if it does not fit. */
export function parseOrNull<T>(text: string, check: JsonCheck<T>): T | null {
  try {
    return check.read(JSON.parse(text), "");
  } catch (error) {
    if (error instanceof JsonMismatch || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Returns a value that was parsed before, for documents that may be of another kind; null if it does not fit. */
export const checkedOrNull = <T>(json: unknown, check: JsonCheck<T>): T | null =>
  readOrNull(check, json, "")?.value ?? null;
