/** A map, because it keeps the keys in file order. A plain object puts integer-like keys first. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export type JsonObject = ReadonlyMap<string, JsonValue>;

/**
 * Parses JSON as Python's `json.load` does: the keys of an object keep the order of the file, and the last of
 * two equal keys wins. NaN and Infinity, which only Python writes, become null. Runs in linear time.
 *
 * @throws SyntaxError with line and column
 */
export function parseJson(text: string): JsonValue {
  return new JsonParser(text).whole();
}

/** nnU-Net's own files have fewer than 10 levels. */
const maxDepth = 500;

class JsonParser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): JsonValue {
    const value = this.#value();
    this.#skipBlanks();
    if (this.#at < this.#text.length) this.#fail("the end of the file");
    return value;
  }

  #value(): JsonValue {
    this.#skipBlanks();
    switch (this.#text[this.#at]) {
      case "{":
        return this.#nested(() => this.#object());
      case "[":
        return this.#nested(() => this.#list());
      case '"':
        return this.#string();
      default:
        return this.#plain();
    }
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > maxDepth) throw new SyntaxError(`more than ${maxDepth} levels of brackets`);
    this.#at++;
    const value = read();
    this.#depth--;
    return value;
  }

  #object(): JsonObject {
    const entries = new Map<string, JsonValue>();
    if (this.#accepts("}")) return entries;
    do {
      this.#skipBlanks();
      if (this.#text[this.#at] !== '"') this.#fail("a key in quotes");
      const key = this.#string();
      if (!this.#accepts(":")) this.#fail("a colon");
      entries.set(key, this.#value());
    } while (this.#accepts(","));
    if (!this.#accepts("}")) this.#fail("a comma or }");
    return entries;
  }

  #list(): readonly JsonValue[] {
    const items: JsonValue[] = [];
    if (this.#accepts("]")) return items;
    do items.push(this.#value());
    while (this.#accepts(","));
    if (!this.#accepts("]")) this.#fail("a comma or ]");
    return items;
  }

  #string(): string {
    const start = this.#at;
    const end = this.#endOfString(start);
    this.#at = end;
    try {
      return JSON.parse(this.#text.slice(start, end)) as string;
    } catch {
      this.#at = start;
      return this.#fail("a text without control characters and unknown escapes");
    }
  }

  /** Returns the position after the closing quote. */
  #endOfString(start: number): number {
    for (let i = start + 1; i < this.#text.length; i++) {
      const character = this.#text[i];
      if (character === '"') return i + 1;
      if (character === "\\") i++;
    }
    return this.#fail("a text that ends with a quote");
  }

  #plain(): JsonValue {
    plainValue.lastIndex = this.#at;
    const token = plainValue.exec(this.#text)?.[0];
    if (token === undefined) return this.#fail("a value");
    this.#at += token.length;
    const constant = constants.get(token);
    return constant === undefined ? Number(token) : constant;
  }

  #accepts(character: string): boolean {
    this.#skipBlanks();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skipBlanks(): void {
    while (isBlank(this.#text[this.#at])) this.#at++;
  }

  #fail(expected: string): never {
    const before = this.#text.slice(0, this.#at).split("\n");
    const found = this.#text[this.#at];
    throw new SyntaxError(
      `line ${before.length}, column ${before.at(-1)!.length + 1}: expected ${expected}, but found ${found === undefined ? "the end of the file" : JSON.stringify(found)}`,
    );
  }
}

const constants: ReadonlyMap<string, boolean | null> = new Map([
  ...([
    ["true", true],
    ["false", false],
  ] as const),
  ...["null", "NaN", "Infinity", "-Infinity"].map((name) => [name, null] as const),
]);

const plainValue = /true|false|null|NaN|-?Infinity|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

const isBlank = (character: string | undefined): boolean =>
  character === " " || character === "\n" || character === "\r" || character === "\t";
