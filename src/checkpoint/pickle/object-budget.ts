import { StatefulValue } from "./pickle-global.js";

/** Far above what any training writes, far below what a machine can hold. */
export const maxObjects = 6_000_000;

/** What a dict, a set, bytes or an array take at least, in objects of a list's size. */
const containerWeight = 8;
/** Bytes that take as much memory as one object. */
const bytesPerObject = 32;

/** Counts what a pickle builds: a short one can ask for many copies of something long. */
export class ObjectBudget {
  readonly #exceeded: () => never;
  #objects = 0;

  /** @param exceeded called when a pickle builds more than `maxObjects` */
  constructor(exceeded: () => never) {
    this.#exceeded = exceeded;
  }

  /** One small object: a number, an entry of the memo, a mark. */
  take(objects = 1): void {
    this.#objects += objects;
    if (this.#objects > maxObjects) this.#exceeded();
  }

  /** A value that an opcode built; those that were there before, and only got another place, are small. */
  takeNew(value: unknown): void {
    this.take(isContainer(value) ? containerWeight : 1);
  }

  /** A value that a function built out of others, which it may have copied. */
  takeCopy(value: unknown): void {
    this.take(copiedObjects(value));
  }
}

const isContainer = (value: unknown): boolean =>
  value instanceof Map ||
  value instanceof Set ||
  value instanceof Uint8Array ||
  value instanceof StatefulValue;

function copiedObjects(value: unknown): number {
  if (value instanceof Uint8Array || typeof value === "string")
    return Math.ceil(value.length / bytesPerObject);
  if (value instanceof Map || value instanceof Set) return value.size;
  return Array.isArray(value) ? value.length : 0;
}
