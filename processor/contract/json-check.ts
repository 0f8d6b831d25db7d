/**
 * A function that checks a JSON value. It returns the place of a fault and what should be there; null if the value is
 * valid.
 *
 * A check is a function of a few lines and not a JSON Schema, because the program in an image contains no validator.
 */
export type JsonCheck = (value: unknown, place: string) => string | null;

const when =
  (isRight: (value: unknown) => boolean, what: string): JsonCheck =>
  (value, place) =>
    isRight(value) ? null : `${place} should be ${what}`;

export const text: JsonCheck = when((value) => typeof value === "string", "a text");
export const number: JsonCheck = when((value) => typeof value === "number", "a number");
export const wholeNumber: JsonCheck = when(Number.isSafeInteger, "a whole number");
export const count: JsonCheck = when(
  (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  "a whole number, 0 or more",
);
export const flag: JsonCheck = when((value) => typeof value === "boolean", "true or false");

export const matching = (pattern: RegExp, what: string): JsonCheck =>
  when((value) => typeof value === "string" && pattern.test(value), what);

export const oneOf = (values: readonly unknown[]): JsonCheck =>
  when(
    (value) => values.includes(value),
    `one of ${values.map((value) => JSON.stringify(value)).join(", ")}`,
  );

export const orNull =
  (check: JsonCheck): JsonCheck =>
  (value, place) =>
    value === null ? null : check(value, place);

export const orAbsent =
  (check: JsonCheck): JsonCheck =>
  (value, place) =>
    value === undefined ? null : check(value, place);

export const either =
  (first: JsonCheck, second: JsonCheck): JsonCheck =>
  (value, place) =>
    first(value, place) === null ? null : second(value, place);

export const listOf =
  (check: JsonCheck, shortest = 0): JsonCheck =>
  (value, place) => {
    if (!Array.isArray(value)) return `${named(place)} should be a list`;
    if (value.length < shortest) return `${named(place)} should have at least ${shortest} items`;
    for (const [i, item] of value.entries()) {
      const problem = check(item, `${place}[${i}]`);
      if (problem !== null) return problem;
    }
    return null;
  };

/** Checks an object with these fields. It may have other fields as well. */
export const record =
  (fields: Readonly<Record<string, JsonCheck>>): JsonCheck =>
  (value, place) => {
    if (!isObject(value)) return `${named(place)} should be an object`;
    for (const [key, check] of Object.entries(fields)) {
      const isThere = Object.hasOwn(value, key);
      const problem = check(isThere ? value[key] : undefined, joined(place, key));
      if (problem !== null) return isThere ? problem : `${joined(place, key)} is missing`;
    }
    return null;
  };

/** Checks an object whose values are all of one kind. */
export const recordOf =
  (check: JsonCheck): JsonCheck =>
  (value, place) => {
    if (!isObject(value)) return `${named(place)} should be an object`;
    for (const [key, item] of Object.entries(value)) {
      const problem = check(item, joined(place, key));
      if (problem !== null) return problem;
    }
    return null;
  };

const named = (place: string): string => place || "the document";

const joined = (place: string, key: string): string => (place === "" ? key : `${place}.${key}`);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
