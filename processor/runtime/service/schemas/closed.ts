import type { JsonCheck, OptionalCheck } from "../../../contract/json-check.js";

/** An object that may have no other keys than those of its check. The schema says so; the service validates by schema. */
export const closed = <C extends JsonCheck<unknown>>(check: C): C => ({
  ...check,
  schema: (definitions: Parameters<C["schema"]>[0]) => ({
    ...check.schema(definitions),
    additionalProperties: false,
  }),
});

/** A check whose schema names the value that holds if the field is absent or null. */
export const usually = <C extends JsonCheck<unknown>>(value: unknown, check: C): C => ({
  ...check,
  schema: (definitions: Parameters<C["schema"]>[0]) => ({ ...check.schema(definitions), default: value }),
});

/** A field that may be absent or null. */
export const orNothing = <T>(check: JsonCheck<T>): OptionalCheck<T | null> => ({
  read: (value, place) => (value === null ? null : check.read(value, place)),
  schema: (definitions) => ({ anyOf: [check.schema(definitions), { type: "null" }] }),
  absent: { value: undefined },
});
