/**
 * Finds a key that occurs twice in an object of a JSON text; null if there is none. `JSON.parse` keeps the
 * last value without a warning.
 *
 * @param text valid JSON
 */
export function repeatedKey(text: string): string | null {
  const objects: Set<string>[] = [];
  for (const [token, key] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (token === "{") objects.push(new Set());
    else if (token === "}") objects.pop();
    else if (key !== undefined) {
      const name = JSON.parse(key) as string;
      const keys = objects.at(-1)!;
      if (keys.has(name)) return name;
      keys.add(name);
    }
  }
  return null;
}
