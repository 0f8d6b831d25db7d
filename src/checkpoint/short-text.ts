const maxCharacters = 80;
const maxItems = 8;
const maxDepth = 3;

/**
 * A value of an untrusted file for a message, as JSON would show it, cut short. Lists may contain themselves, or share
 * parts so often that their whole text would fill the memory: only the first items of the first levels are looked at.
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
  if (value instanceof Map) return "a dictionary";
  const isPlain = Object.getPrototypeOf(value) === Object.prototype;
  if (Array.isArray(value)) return bracketed("[]", value, (item) => inner(item, depth - 1), depth);
  if (!isPlain) return `a ${value.constructor.name}`;
  const entry = ([key, item]: readonly [string, unknown]) => `${inner(key, 0)}:${inner(item, depth - 1)}`;
  return bracketed("{}", Object.entries(value), entry, depth);
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
