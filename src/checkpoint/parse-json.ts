/** JSON with some form of numbers. Objects are maps, which keep the keys in file order; a plain object puts integer-like keys first. */
export type JsonOf<N> = null | boolean | N | string | readonly JsonOf<N>[] | ReadonlyMap<string, JsonOf<N>>;
export type JsonValue = JsonOf<number>;
export type JsonObject = ReadonlyMap<string, JsonValue>;

/**
 * Parses JSON as Python's `json.load` does: the keys of an object keep the order of the file, and the last of
 * two equal keys wins. NaN and Infinity, which only Python writes, become null. Runs in linear time.
 *
 * @throws SyntaxError with line and column
 */
export function parseJson(text: string): JsonValue {
  return parseJsonWith(text, (token) => (/[NI]/.test(token) ? null : Number(token)));
}

/**
 * Does the same with numbers in another form.
 *
 * @param numberOf gets a number as the file writes it, or NaN, Infinity or -Infinity
 * @throws SyntaxError with line and column
 */
export const parseJsonWith = <N>(text: string, numberOf: (token: string) => N | null): JsonOf<N> =>
  new JsonParser(text, numberOf).whole();

/** nnU-Net's own files have fewer than 10 levels. */
const maxDepth = 500;

/**
 * The most memory that a document may take, in units of a number in a list: some 10 bytes. Its text says little about this, because
 * `{},` becomes an object of 200 bytes. The scores of 10,000 cases with 100 labels need 40 million.
 */
const maxUnits = 50_000_000;
const unitsOfContainer = 10;
const unitsOfKey = 2;

class JsonParser<N> {
  readonly #text: string;
  readonly #numberOf: (token: string) => N | null;
  #at = 0;
  #depth = 0;
  #units = 0;

  constructor(text: string, numberOf: (token: string) => N | null) {
    this.#text = text;
    this.#numberOf = numberOf;
  }

  whole(): JsonOf<N> {
    const value = this.#value();
    this.#skipBlanks();
    if (this.#at < this.#text.length) this.#fail("the end of the file");
    return value;
  }

  #take(units: number): void {
    this.#units += units;
    if (this.#units > maxUnits) throw new SyntaxError("more values than the memory should hold");
  }

  #value(): JsonOf<N> {
    this.#take(1);
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
    this.#take(unitsOfContainer);
    this.#at++;
    const value = read();
    this.#depth--;
    return value;
  }

  #object(): ReadonlyMap<string, JsonOf<N>> {
    const entries = new Map<string, JsonOf<N>>();
    if (this.#accepts("}")) return entries;
    do {
      this.#skipBlanks();
      if (this.#text[this.#at] !== '"') this.#fail("a key in quotes");
      this.#take(unitsOfKey);
      const key = this.#string();
      if (!this.#accepts(":")) this.#fail("a colon");
      entries.set(key, this.#value());
    } while (this.#accepts(","));
    if (!this.#accepts("}")) this.#fail("a comma or }");
    return entries;
  }

  #list(): readonly JsonOf<N>[] {
    const items: JsonOf<N>[] = [];
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

  #plain(): JsonOf<N> {
    plainValue.lastIndex = this.#at;
    const token = plainValue.exec(this.#text)?.[0];
    if (token === undefined) return this.#fail("a value");
    this.#at += token.length;
    const constant = constants.get(token);
    return constant === undefined ? this.#numberOf(token) : constant;
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
    let line = 1;
    let start = 0;
    for (
      let end = this.#text.indexOf("\n");
      end >= 0 && end < this.#at;
      end = this.#text.indexOf("\n", start)
    ) {
      line++;
      start = end + 1;
    }
    const found = this.#text[this.#at];
    throw new SyntaxError(
      `line ${line}, column ${this.#at - start + 1}: expected ${expected}, but found ${found === undefined ? "the end of the file" : JSON.stringify(found)}`,
    );
  }
}

const constants: ReadonlyMap<string, boolean | null> = new Map([
  ["true", true],
  ["false", false],
  ["null", null],
]);

const plainValue = /true|false|null|NaN|-?Infinity|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

const isBlank = (character: string | undefined): boolean =>
  character === " " || character === "\n" || character === "\r" || character === "\t";
