import { inMessages } from "../../untrusted/short-text.js";
import { StatefulValue } from "./pickle-global.js";

/**
 * Stands for an object that only Python could build. It keeps its name and, in case its class is a kind of dict, the
 * entries that the pickle gives it; everything else that a pickle does to it is accepted and forgotten. Checkpoints hold
 * many, in the optimizer, the scheduler and the logs of a training.
 */
export class UnreadObject extends StatefulValue {
  /** For messages: `an object of datetime.datetime`. */
  readonly text: string;
  readonly #argument: unknown;
  #entries: Map<unknown, unknown> | null = null;

  /** @param args what the pickle calls the class with */
  constructor(text: string, args: readonly unknown[] = []) {
    super();
    this.text = text;
    this.#argument = args.length === 1 ? args[0] : null;
  }

  get [inMessages](): string {
    return this.text;
  }

  override setState(): void {}

  /** Keeps an entry, which Python would set with `object[key] = value`. */
  set(key: unknown, value: unknown): void {
    this.#entries ??= new Map();
    this.#entries.set(key, value);
  }

  /** The entries of a dict of an unknown class, given one by one or as its only argument; null where there are none. */
  get entries(): ReadonlyMap<unknown, unknown> | null {
    if (this.#argument instanceof Map) return this.#entries ?? this.#argument;
    if (Array.isArray(this.#argument) && this.#argument.length > 0 && this.#argument.every(isEntry))
      this.#entries ??= new Map(this.#argument);
    return this.#entries;
  }
}

const isEntry = (value: unknown): value is [string, unknown] =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === "string";

/** The entries of a dict, whatever its class; null for anything else. */
export function entriesOf(value: unknown): ReadonlyMap<unknown, unknown> | null {
  if (value instanceof Map) return value;
  return value instanceof UnreadObject ? value.entries : null;
}
