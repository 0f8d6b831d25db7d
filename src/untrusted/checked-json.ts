import type { JsonCheck } from "../../processor/contract/json-check.js";

/** The required shape of a JSON document from outside, which is checked before the document is used. */
export interface Shape<T> {
  /** Returns whether the value has the shape. */
  readonly fits: (json: unknown) => json is T;
  /** Returns what is wrong with a value, and where; null if it fits. */
  readonly problem: (json: unknown) => string | null;
}

/** @param check must accept only values of the type */
export const shapeOf = <T>(check: JsonCheck): Shape<T> => ({
  fits: (json): json is T => check(json, "") === null,
  problem: (json) => check(json, ""),
});

/**
 * Parses a document of a known shape.
 *
 * @param invalid creates the error from a reason such as `is not JSON` or `has an unexpected form: layers
 * should be a list`
 */
export function parseChecked<T>(
  text: string,
  shape: Shape<T>,
  invalid: (reason: string, cause?: unknown) => Error,
): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid("is not JSON", cause);
  }
  if (!shape.fits(json)) throw invalid(`has an unexpected form: ${shape.problem(json)}`);
  return json;
}
