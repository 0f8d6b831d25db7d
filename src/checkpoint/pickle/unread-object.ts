import { inMessages } from "../../ground/untrusted/short-text.js";
import { StatefulValue } from "./pickle-global.js";

/**
 * A placeholder for an object that only Python could build. It keeps its name and, because its class may be a
 * kind of dict, the entries that the pickle gives it. All other operations on it are accepted and ignored.
 * Checkpoints contain many such objects, in the optimizer, the scheduler and the logs of a training.
 */
export class UnreadObject extends StatefulValue {
  /** A description for messages, such as `an object of datetime.datetime`. */
  readonly text: string;
  readonly #argument: unknown;
  #entries: Map<unknown, unknown> | null = null;

  /** @param args arguments of the call in the pickle */
  constructor(text: string, args: readonly unknown[] = []) {
    super();
    this.text = text;
    this.#argument = args.length === 1 ? args[0] : null;
  }

  get [inMessages](): string {
    return this.text;
  }

  override setState(_state: unknown): void {}

  /** Stores an entry, as Python does with `object[key] = value`. */
  set(key: unknown, value: unknown): void {
    this.#entries ??= new Map();
    this.#entries.set(key, value);
  }

  /**
   * The entries of a dict of an unknown class, given one by one or as its only argument; null if there are
   * none.
   */
  get entries(): ReadonlyMap<unknown, unknown> | null {
    if (this.#argument instanceof Map) return this.#entries ?? this.#argument;
    if (Array.isArray(this.#argument) && this.#argument.length > 0 && this.#argument.every(isEntry))
      this.#entries ??= new Map(this.#argument);
    return this.#entries;
  }
}

const isEntry = (value: unknown): value is [string, unknown] =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === "string";

/** Returns the entries of a dict of any class; null for any other value. */
export function entriesOf(value: unknown): ReadonlyMap<unknown, unknown> | null {
  if (value instanceof Map) return value;
  return value instanceof UnreadObject ? value.entries : null;
}
