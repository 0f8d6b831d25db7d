import type { NonEmpty } from "./non-empty.js";

/**
 * A check of a JSON value from which its type and its JSON Schema follow, so that the three cannot drift:
 * `type Task = Checked<typeof task>`. It is code of a few lines because the program in an image contains no validator.
 */
export interface JsonCheck<T> {
  /**
   * Returns the value, with the fields that documents of earlier versions lack.
   *
   * @param place the keys that lead to the value; empty for the whole document
   * @throws JsonMismatch
   */
  read(value: unknown, place: string): T;
  /** @param definitions the parts that are named because they contain themselves */
  schema(definitions: SchemaDefinitions): JsonSchema;
  /** What an absent field means; undefined if the field must be present. */
  readonly absent?: { readonly value: T };
}

/** A check of a field that may be absent. */
export interface OptionalCheck<T> extends JsonCheck<T | undefined> {
  readonly absent: { readonly value: undefined };
}

/** The type of the values that a check accepts. */
export type Checked<C> = C extends OptionalCheck<infer T> ? T : C extends JsonCheck<infer T> ? T : never;

export type JsonSchema = Readonly<Record<string, unknown>>;
export type SchemaDefinitions = Map<string, JsonSchema>;

/** A value does not fit its check; the message says where, and what it should be. */
export class JsonMismatch extends Error {
  override readonly name = "JsonMismatch";
}

const mismatch = (place: string, problem: string): JsonMismatch =>
  new JsonMismatch(`${place || "the document"} ${problem}`);

function when<T>(isRight: (value: unknown) => boolean, what: string, schema: JsonSchema): JsonCheck<T> {
  return {
    read(value, place) {
      if (isRight(value)) return value as T; // the one cast, right after the check
      throw mismatch(place, `should be ${what}`);
    },
    schema: () => schema,
  };
}

export const text = when<string>((value) => typeof value === "string", "a text", { type: "string" });
export const number = when<number>((value) => typeof value === "number", "a number", { type: "number" });
export const flag = when<boolean>((value) => typeof value === "boolean", "true or false", {
  type: "boolean",
});
export const anything: JsonCheck<unknown> = { read: (value) => value, schema: () => ({}) };
export const wholeNumber = when<number>(Number.isSafeInteger, "a whole number", { type: "integer" });
export const count = when<number>(
  (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  "a whole number, 0 or more",
  { type: "integer", minimum: 0 },
);

export const positive = when<number>(
  (value) => Number.isFinite(value) && (value as number) > 0,
  "a number above 0",
  { type: "number", exclusiveMinimum: 0 },
);

export const wholeNumberIn = (minimum: number, maximum: number): JsonCheck<number> =>
  when(
    (value) => Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum,
    `a whole number from ${minimum} to ${maximum}`,
    { type: "integer", minimum, maximum },
  );

export const numberAbove = (exclusiveMinimum: number, maximum: number): JsonCheck<number> =>
  when(
    (value) => typeof value === "number" && value > exclusiveMinimum && value <= maximum,
    `a number greater than ${exclusiveMinimum} and at most ${maximum}`,
    { type: "number", exclusiveMinimum, maximum },
  );

/** @param pattern without flags, as JSON Schema takes it */
export const matching = (pattern: RegExp, what: string): JsonCheck<string> =>
  when((value) => typeof value === "string" && pattern.test(value), what, {
    type: "string",
    pattern: pattern.source,
  });

export const sha256Hex = matching(/^[0-9a-f]{64}$/, "64 hexadecimal digits in lower case");

export const oneOf = <const T extends string | number>(values: readonly T[]): JsonCheck<T> =>
  when(
    (value) => values.some((allowed) => allowed === value),
    `one of ${values.map((value) => JSON.stringify(value)).join(", ")}`,
    { ...(values.every((value) => typeof value === "string") && { type: "string" }), enum: values },
  );

/** The version of a document: the first field to check, because the others follow from it. */
export const version = <const V extends number>(known: V): JsonCheck<V> => ({
  read(value, place) {
    if (value === known) return known;
    throw mismatch(place, `is ${wholeNumber.read(value, place)}; this version of the program reads ${known}`);
  },
  schema: () => ({ const: known }),
});

export const orNull = <T>(check: JsonCheck<T>): JsonCheck<T | null> => ({
  read: (value, place) => (value === null ? null : check.read(value, place)),
  schema: (definitions) => ({ anyOf: [check.schema(definitions), { type: "null" }] }),
});

export const orAbsent = <T>({ read, schema }: JsonCheck<T>): OptionalCheck<T> => ({
  read,
  schema,
  absent: { value: undefined },
});

/** A field that older documents do not have, with what its absence meant. */
export const orOlder = <T, D extends T>(check: JsonCheck<T>, value: D): JsonCheck<T> => ({
  read: (found, place) => check.read(found, place),
  schema: (definitions) => check.schema(definitions),
  absent: { value },
});

export const either = <A, B>(first: JsonCheck<A>, second: JsonCheck<B>): JsonCheck<A | B> => ({
  read(value, place) {
    const found = readOrNull(first, value, place);
    return found === null ? second.read(value, place) : found.value;
  },
  schema: (definitions) => ({ anyOf: [first.schema(definitions), second.schema(definitions)] }),
});

export const listOf = <T>(check: JsonCheck<T>, shortest = 0): JsonCheck<readonly T[]> => ({
  read(value, place) {
    if (!Array.isArray(value)) throw mismatch(place, "should be a list");
    if (value.length < shortest) throw mismatch(place, `should have at least ${shortest} items`);
    return value.map((item: unknown, i) => check.read(item, `${place}[${i}]`));
  },
  schema: (definitions) => ({
    type: "array",
    items: check.schema(definitions),
    ...(shortest > 0 && { minItems: shortest }),
  }),
});

export const nonEmptyListOf = <T>(check: JsonCheck<T>): JsonCheck<NonEmpty<T>> => {
  const list = listOf(check, 1);
  return { schema: list.schema, read: (value, place) => list.read(value, place) as NonEmpty<T> };
};

/** A list of exactly three items, such as one for each axis. */
export const threeOf = <T>(check: JsonCheck<T>): JsonCheck<readonly [T, T, T]> => ({
  read(value, place) {
    const [first, second, third, ...others] = listOf(check, 3).read(value, place) as [T, T, T];
    if (others.length > 0) throw mismatch(place, "should have 3 items");
    return [first, second, third];
  },
  schema: (definitions) => ({ type: "array", items: check.schema(definitions), minItems: 3, maxItems: 3 }),
});

type Fields = Readonly<Record<string, JsonCheck<unknown>>>;
type OptionalName<F> = { [K in keyof F]: F[K] extends OptionalCheck<unknown> ? K : never }[keyof F];
type Flat<T> = { readonly [K in keyof T]: T[K] };
type RecordOf<F> = Flat<
  { [K in Exclude<keyof F, OptionalName<F>>]: Checked<F[K]> } & { [K in OptionalName<F>]?: Checked<F[K]> }
>;

/** An object with these fields, checked in this order; it may have others. */
export const record = <F extends Fields>(fields: F): JsonCheck<RecordOf<F>> => ({
  read(value, place) {
    if (!isObject(value)) throw mismatch(place, "should be an object");
    const known: [string, unknown][] = [];
    for (const [key, check] of Object.entries(fields)) {
      if (Object.hasOwn(value, key)) known.push([key, check.read(value[key], joined(place, key))]);
      else if (check.absent === undefined) throw mismatch(joined(place, key), "is missing");
      else if (check.absent.value !== undefined) known.push([key, check.absent.value]);
    }
    return { ...value, ...Object.fromEntries(known) } as RecordOf<F>;
  },
  schema: (definitions) => ({
    type: "object",
    properties: mapped(fields, (check) => check.schema(definitions)),
    required: Object.keys(fields).filter((key) => fields[key]!.absent === undefined),
  }),
});

/** An object whose values are all of one kind. */
export const recordOf = <T>(check: JsonCheck<T>): JsonCheck<Readonly<Record<string, T>>> => ({
  read(value, place) {
    if (!isObject(value)) throw mismatch(place, "should be an object");
    return mapped(value, (item, key) => check.read(item, joined(place, key)));
  },
  schema: (definitions) => ({ type: "object", additionalProperties: check.schema(definitions) }),
});

/** An object of one of several kinds, which its field `kind` names. */
export const kinds = <F extends Fields>(
  variants: F,
): JsonCheck<{ [K in keyof F]: { readonly kind: K } & Checked<F[K]> }[keyof F]> => {
  const kind = record({ kind: oneOf(Object.keys(variants)) });
  return {
    read(value, place) {
      const name = kind.read(value, place).kind;
      return variants[name]!.read(value, place) as ReturnType<ReturnType<typeof kinds<F>>["read"]>;
    },
    schema: (definitions) => ({
      anyOf: Object.entries(variants).map(([name, variant]) => ({
        allOf: [
          { type: "object", properties: { kind: { const: name } }, required: ["kind"] },
          variant.schema(definitions),
        ],
      })),
    }),
  };
};

/** A check that contains itself; the name is that of its definition in the schema. */
export const named = <T>(name: string, check: () => JsonCheck<T>): JsonCheck<T> => ({
  read: (value, place) => check().read(value, place),
  schema(definitions) {
    if (!definitions.has(name)) {
      definitions.set(name, {});
      definitions.set(name, check().schema(definitions));
    }
    return { $ref: `#/$defs/${name}` };
  },
});

/** A check whose schema says in a sentence what the value means. */
export const about = <C extends JsonCheck<unknown>>(description: string, check: C): C => ({
  ...check,
  schema: (definitions: SchemaDefinitions) => ({ description, ...check.schema(definitions) }),
});

/** Returns a whole JSON Schema (draft 2020-12) of the documents that a check accepts. */
export function schemaOf(check: JsonCheck<unknown>, title: string): JsonSchema {
  const definitions: SchemaDefinitions = new Map();
  const schema = check.schema(definitions);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title,
    ...schema,
    ...(definitions.size > 0 && { $defs: Object.fromEntries(definitions) }),
  };
}

/** Returns the value in an object, because null may be the value; null if it does not fit. */
export function readOrNull<T>(
  check: JsonCheck<T>,
  value: unknown,
  place: string,
): { readonly value: T } | null {
  try {
    return { value: check.read(value, place) };
  } catch (error) {
    if (error instanceof JsonMismatch) return null;
    throw error;
  }
}

/** `fromEntries` defines keys such as `__proto__`, which an assignment would not. */
const mapped = <V, T>(record: Readonly<Record<string, V>>, change: (value: V, key: string) => T) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)])) as Readonly<
    Record<string, T>
  >;

const joined = (place: string, key: string): string => (place === "" ? key : `${place}.${key}`);

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
