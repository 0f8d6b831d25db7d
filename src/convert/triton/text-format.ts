/** A message in the text format of protocol buffers. A list stands for a repeated field. */
export interface TextMessage {
  readonly [field: string]: TextValue | readonly TextValue[];
}

/** `symbol` is the name of an enumeration's value, which is written without quotes. */
export type TextValue = string | number | { readonly symbol: string } | { readonly message: TextMessage };

/**
 * Writes a message in protobuf's text format.
 *
 * Source: "Text Format Language Specification" of Protocol Buffers.
 */
export const textFormat = (message: TextMessage): string =>
  fieldLines(message)
    .map((line) => `${line}\n`)
    .join("");

const fieldLines = (message: TextMessage): readonly string[] =>
  Object.entries(message).flatMap(([field, value]) => {
    if (!isList(value)) return valueLines(field, value);
    const numbers = value.filter((item) => typeof item === "number");
    return numbers.length > 0
      ? [`${field}: [ ${numbers.join(", ")} ]`]
      : value.flatMap((item) => valueLines(field, item));
  });

const isList = (value: TextValue | readonly TextValue[]): value is readonly TextValue[] =>
  Array.isArray(value);

function valueLines(field: string, value: TextValue): readonly string[] {
  if (typeof value === "number") return [`${field}: ${value}`];
  if (typeof value === "string") return [`${field}: ${quoted(value)}`];
  if ("symbol" in value) return [`${field}: ${value.symbol}`];
  return [`${field} {`, ...fieldLines(value.message).map((line) => `  ${line}`), "}"];
}

/** Characters outside ASCII stay as they are: strings are UTF-8. */
const quoted = (text: string): string =>
  `"${text.replace(/["\\]/g, "\\$&").replace(/\p{Cc}/gu, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x80 ? `\\${code.toString(8).padStart(3, "0")}` : character;
  })}"`;
