import { builderError } from "../../ground/errors/builder-errors.js";

/**
 * Parses a dictionary that Python printed, such as `{1: 500.0, (1, 2): 30}`. The keys of the result are
 * labels, or several labels joined with a comma. Returns null for `None`.
 *
 * @param place for messages
 * @example parsePythonDict("{(1, 2): 30}", "") // Map { "1,2" => 30 }
 */
export function parsePythonDict(text: string, place: string): ReadonlyMap<string, number> | null {
  const tokens = new Tokens(text, place);
  if (tokens.accepts("None")) {
    tokens.end();
    return null;
  }
  const found = new Map<string, number>();
  tokens.expect("{");
  while (!tokens.accepts("}")) {
    const labels = tokens.accepts("(") ? labelsOf(tokens) : [tokens.label()];
    tokens.expect(":");
    found.set(labels.join(","), tokens.number());
    if (tokens.accepts(",")) continue;
    tokens.expect("}");
    break;
  }
  tokens.end();
  return found;
}

/** Reads the rest of a tuple, `1, 2)` or `1,)`. */
function labelsOf(tokens: Tokens): number[] {
  const labels = [tokens.label()];
  while (!tokens.accepts(")")) {
    tokens.expect(",");
    if (tokens.accepts(")")) break;
    labels.push(tokens.label());
  }
  return labels;
}

/** Reads a text token by token, and each character once. */
class Tokens {
  readonly #text: string;
  readonly #place: string;
  readonly #tokens: IterableIterator<RegExpMatchArray>;
  /** Null at the end of the text. */
  #next: string | null = null;

  constructor(text: string, place: string) {
    this.#text = text;
    this.#place = place;
    this.#tokens = text.matchAll(token);
    this.#advance();
  }

  accepts(wanted: string): boolean {
    if (this.#next !== wanted) return false;
    this.#advance();
    return true;
  }

  expect(wanted: string): void {
    if (!this.accepts(wanted)) this.#fail();
  }

  label(): number {
    return /^\d+$/.test(this.#next ?? "") ? this.number() : this.#fail();
  }

  number(): number {
    const value = /^\d/.test(this.#next ?? "") ? Number(this.#next) : Number.NaN;
    if (Number.isNaN(value)) this.#fail();
    this.#advance();
    return value;
  }

  end(): void {
    if (this.#next !== null) this.#fail();
  }

  #advance(): void {
    this.#next = this.#tokens.next().value?.[0] ?? null;
  }

  #fail(): never {
    throw builderError(
      "MODEL_FILE_INVALID",
      `${this.#place} should be a Python dictionary, but is ${this.#text.slice(0, 80)}`,
    );
  }
}

/** Matches a word or number, or any other character that is not blank. */
const token = /[\w.+-]+|\S/g;
