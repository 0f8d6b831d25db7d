import { type JsonCheck, JsonMismatch, matching, text } from "../contract/json-check.js";

/** A text of at most so many characters, as its value representation allows (PS3.5, 6.2). */
export const textUpTo = (length: number): JsonCheck<string> => ({
  read(value, place) {
    const found = text.read(value, place);
    // A backslash separates values, and control characters switch character sets.
    if (!/[\\\p{Cc}]/u.test(found) && [...found].length <= length) return found.trim();
    throw new JsonMismatch(
      `${place} should be a text of at most ${length} characters without backslashes and line ends`,
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
