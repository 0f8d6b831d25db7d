import { builderError } from "../ground/errors/builder-errors.js";
import { shortText } from "../ground/untrusted/short-text.js";
import { locating } from "./pickle/damaged-pickle.js";
import { NumpyArray } from "./pickle/numpy-globals.js";
import { entriesOf } from "./pickle/unread-object.js";

/**
 * A value in a file that nnU-Net wrote as JSON or as a pickle. Every access checks the type: a value that is
 * missing or has another type throws MODEL_FILE_INVALID with the path of the field.
 */
export class Field {
  readonly path: string;
  readonly #value: unknown;
  readonly #budget: ItemBudget;

  /** @param budget limit that all fields of a file share */
  constructor(value: unknown, path: string, budget: ItemBudget = { itemsLeft: maxItems }) {
    this.#value = value;
    this.path = path;
    this.#budget = budget;
  }

  /** The unchecked value. Use it only to pass the value on. */
  get raw(): unknown {
    return this.#value;
  }

  get isNull(): boolean {
    return this.#value === null || this.#value === undefined;
  }

  get isList(): boolean {
    return Array.isArray(this.#value) || this.#value instanceof NumpyArray;
  }

  get isNumber(): boolean {
    return typeof this.#value === "number";
  }

  get isString(): boolean {
    return typeof this.#value === "string";
  }

  /**
   * Returns the field of a dict, or a null field if the dict lacks the key. The keys of pickled dicts may be
   * numbers.
   */
  get(key: string): Field {
    const value = this.#value;
    const path = `${this.path}.${key}`;
    const entries = entriesOf(value);
    if (entries !== null) {
      const byNumber = /^\d{1,15}$/.test(key) ? entries.get(Number(key)) : undefined;
      return this.#inner(entries.has(key) ? entries.get(key) : byNumber, path);
    }
    if (isDictionary(value)) return this.#inner(Object.hasOwn(value, key) ? value[key] : undefined, path);
    return this.#fail("a dictionary");
  }

  /** Returns the field of the first key that exists. */
  getAny(...keys: readonly [string, ...string[]]): Field {
    const present = keys.find((key) => !this.get(key).isNull);
    return this.get(present ?? keys[0]);
  }

  keys(): string[] {
    const value = this.#value;
    const entries = entriesOf(value);
    if (entries !== null)
      return [...entries.keys()].map((key) => (typeof key === "string" ? key : shortText(key)));
    if (isDictionary(value)) return Object.keys(value);
    return this.#fail("a dictionary");
  }

  entries(): [string, Field][] {
    return this.keys().map((key) => [key, this.get(key)]);
  }

  list(): Field[] {
    const value = this.#value;
    if (value instanceof NumpyArray) this.#take(value.rowCount + value.valueCount);
    const items = value instanceof NumpyArray ? locating(this.path, () => rows(value)) : value;
    if (!Array.isArray(items)) return this.#fail("a list");
    this.#take(items.length);
    return items.map((item, i) => this.#inner(item, `${this.path}[${i}]`));
  }

  number(): number {
    if (typeof this.#value === "bigint") return Number(this.#value);
    return typeof this.#value === "number" ? this.#value : this.#fail("a number");
  }

  integer(): number {
    const value = this.number();
    return Number.isSafeInteger(value) ? value : this.#fail("a whole number");
  }

  string(): string {
    return typeof this.#value === "string" ? this.#value : this.#fail("a text");
  }

  boolean(): boolean {
    return typeof this.#value === "boolean" ? this.#value : this.#fail("true or false");
  }

  numbers(): number[] {
    return this.list().map((item) => item.number());
  }

  integers(): number[] {
    return this.list().map((item) => item.integer());
  }

  /** Returns the value as short text for messages. */
  text(): string {
    return this.#value === undefined ? "missing" : shortText(this.#value);
  }

  #inner(value: unknown, path: string): Field {
    return new Field(value, path, this.#budget);
  }

  #take(items: number): void {
    this.#budget.itemsLeft -= items;
    if (this.#budget.itemsLeft >= 0) return;
    throw builderError(
      "MODEL_FILE_INVALID",
      `${this.path} has ${items} values, which exceeds the total of ${maxItems} values allowed in a file`,
    );
  }

  #fail(wanted: string): never {
    throw builderError("MODEL_FILE_INVALID", `${this.path} should be ${wanted}, but is ${this.text()}`);
  }
}

/**
 * The number of list items that the fields of a file may still read. The limit is needed because a short
 * pickle can refer to one list many times.
 */
interface ItemBudget {
  itemsLeft: number;
}

/** nnU-Net's own files have a few thousand items. */
const maxItems = 10_000_000;

function isDictionary(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  return Object.getPrototypeOf(value) === Object.prototype;
}

/** Returns a matrix as a list of lists, as Python's `tolist()` does. */
function rows(array: NumpyArray): unknown[] {
  const values = array.values();
  if (array.shape.length < 2) return [...values];
  const width = values.length / Math.max(array.rowCount, 1);
  return Array.from({ length: array.rowCount }, (_, i) => values.slice(i * width, (i + 1) * width));
}
