/** The key of a property with an object's text for messages. */
export const inMessages = Symbol("text in messages");

const maxCharacters = 80;
const maxItems = 8;
const maxDepth = 3;

/**
 * Returns a value of an untrusted file for a message, shortened and in the form of JSON. Reads only the first
 * items of the first levels, because lists may contain themselves, or share parts so often that their full
 * text would fill the memory.
 */
export function shortText(value: unknown): string {
  const text = typeof value === "string" ? value.slice(0, maxCharacters + 1) : inner(value, maxDepth);
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
}

function inner(value: unknown, depth: number): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "string") return JSON.stringify(value.slice(0, maxCharacters));
  if (typeof value === "function") return "a function";
  if (typeof value !== "object") return String(value);
  if (inMessages in value) return String(value[inMessages]);
  if (Array.isArray(value)) return bracketed("[]", value, (item) => inner(item, depth - 1), depth);
  const entry = ([key, item]: readonly [unknown, unknown]) => `${inner(key, 0)}:${inner(item, depth - 1)}`;
  if (value instanceof Map) return bracketed("{}", firstEntries(value), entry, depth);
  const isPlain = Object.getPrototypeOf(value) === Object.prototype;
  return isPlain ? bracketed("{}", Object.entries(value), entry, depth) : `a ${value.constructor.name}`;
}

/** Returns one more entry than is shown, so that the text can indicate further entries. */
function firstEntries(map: ReadonlyMap<unknown, unknown>): [unknown, unknown][] {
  const entries: [unknown, unknown][] = [];
  for (const entry of map) {
    entries.push(entry);
    if (entries.length > maxItems) break;
  }
  return entries;
}

function bracketed<T>(
  brackets: string,
  items: readonly T[],
  show: (item: T) => string,
  depth: number,
): string {
  const shown = depth > 0 ? items.slice(0, maxItems).map(show) : [];
  if (shown.length < items.length) shown.push("…");
  return `${brackets[0]}${shown.join(",")}${brackets[1]}`;
}
