import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";

/** What a JSON document from outside must look like before anything of it is used. */
export interface Shape<T> {
  /** True when the value has the shape. */
  readonly fits: (json: unknown) => json is T;
  /** What is wrong with the value that was looked at last, with its place. */
  readonly problem: () => string;
}

/** A shape by JSON Schema; the schema is compiled at its first use. */
export function shapeOf<T>(schema: object): Shape<T> {
  let validate: ValidateFunction<T> | null = null;
  return {
    fits(json): json is T {
      validate ??= new Ajv({ allowUnionTypes: true, ownProperties: true }).compile<T>(schema);
      return validate(json);
    },
    problem: () => problemText(validate?.errors?.[0]),
  };
}

/**
 * Reads a document of a known shape.
 *
 * @param invalid makes the error from a reason such as `is not JSON` or `/layers must be array`
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
  if (!shape.fits(json)) throw invalid(`has an unexpected form: ${shape.problem()}`);
  return json;
}

const problemText = (error: ErrorObject | undefined): string =>
  `${error?.instancePath || "the document"} ${error?.message ?? "is not what was expected"}`;
