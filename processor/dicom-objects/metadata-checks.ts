import { either, type JsonCheck, JsonMismatch, matching, record, text } from "../contract/json-check.js";
import { nearest } from "../contract/nearest-name.js";

/**
 * An object with these fields. It may have others, as templates of other programs do, but none that is a known one
 * misspelled, because it would be ignored without a word.
 */
export function metadataRecord<F extends Parameters<typeof record>[0]>(
  fields: F,
): ReturnType<typeof record<F>> {
  const check = record(fields);
  const names = Object.keys(fields);
  return {
    schema: check.schema,
    read(value, place) {
      refuseMisspelled(value, place, names);
      return check.read(value, place);
    },
  };
}

/** @throws JsonMismatch */
export function refuseMisspelled(value: unknown, place: string, names: readonly string[]): void {
  if (typeof value !== "object" || value === null) return;
  for (const key of Object.keys(value)) {
    const meant = names.includes(key) ? null : nearest(key, names, 2);
    if (meant !== null)
      throw new JsonMismatch(`${place}${place && "."}${key} is not known; did you mean ${meant}?`);
  }
}

/** One of two forms, which the question tells apart, so that a mistake is reported for the form that was meant. */
export const eitherForm = <A, B>(
  isFirst: (value: unknown) => boolean,
  first: JsonCheck<A>,
  second: JsonCheck<B>,
): JsonCheck<A | B> => ({
  schema: either(first, second).schema,
  read: (value, place) => (isFirst(value) ? first.read(value, place) : second.read(value, place)),
});

/** A text of limited length, as its value representation allows (PS3.5, 6.2). */
export const textUpTo = (length: number): JsonCheck<string> => ({
  read(value, place) {
    const found = text.read(value, place);
    // A backslash separates values, and control characters switch character sets.
    if (!/[\\\p{Cc}]/u.test(found) && [...found].length <= length) return found.trim();
    throw new JsonMismatch(
      `${place} should be a text of at most ${length} characters without backslashes or line breaks`,
    );
  },
  schema: () => ({ type: "string", maxLength: length }),
});

/** LO and PN components: 64 characters. */
export const longText = textUpTo(64);
/** SH: 16 characters. */
export const shortText = textUpTo(16);
/** A description (ST): 1024 characters. */
export const paragraph = textUpTo(1024);

export const uid = matching(
  /^(?=.{1,64}$)(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))+$/,
  "a UID: digits and dots, at most 64",
);

/** A whole number, also one in quotes as in dcmqi's templates. */
export const integerText: JsonCheck<number> = {
  read(value, place) {
    const number = typeof value === "string" && /^ *\d{1,9} *$/.test(value) ? Number(value) : value;
    if (typeof number === "number" && Number.isInteger(number) && number >= 0 && number < 2 ** 31)
      return number;
    throw new JsonMismatch(`${place} should be a whole number, 0 or more`);
  },
  schema: () => ({
    anyOf: [
      { type: "integer", minimum: 0 },
      { type: "string", pattern: "^\\d+$" },
    ],
  }),
};

/** Returns a text as a long string (LO), without what may not be in one. */
export const asLongText = (value: string): string =>
  [...value.replace(/[\\\p{Cc}]+/gu, " ").trim()].slice(0, 64).join("");

/** Returns a text as a code string (CS): capitals, digits, blanks and underscores, at most 16. */
export const codeString = (value: string): string =>
  value
    .toUpperCase()
    .replace(/[^A-Z0-9_ ]+/g, "_")
    .slice(0, 16)
    .trim();
