import { StatefulValue } from "./pickle-global.js";

/**
 * The largest known checkpoints, with nnU-Net's logs of 4000 epochs and 117 classes, need about 250 MB by
 * this count. Nearly all of it is freed after the checkpoint is read.
 */
export const maxMegabytes = 400;

/** Approximate memory that values take, in bytes, including their place on the stack. */
const bytesOf = { small: 16, reference: 16, text: 32, list: 64, mapping: 200, view: 160, entry: 40 } as const;

/**
 * Counts the memory that a pickle's values take, because a short pickle can request a lot of memory or many
 * copies of a long value.
 */
export class MemoryBudget {
  readonly #exceeded: () => never;
  #bytes = 0;

  /** @param exceeded called when a pickle builds more than `maxMegabytes` */
  constructor(exceeded: () => never) {
    this.#exceeded = exceeded;
  }

  /** Counts another reference to an existing value. */
  takeReference(): void {
    this.#take(bytesOf.reference);
  }

  /** Counts entries of a dict, a set or the memo. */
  takeEntries(count: number): void {
    this.#take(count * bytesOf.entry);
  }

  /** Counts a value that an opcode built; its contents were counted before. */
  takeNew(value: unknown): void {
    this.#take(ownBytes(value));
  }

  /** Counts a value that a function built from other values, which it may have copied. */
  takeCopy(value: unknown): void {
    if (value instanceof Uint8Array || typeof value === "string") this.#take(value.length);
    else if (value instanceof Map || value instanceof Set) this.takeEntries(value.size);
    else if (Array.isArray(value)) this.#take(value.length * bytesOf.reference);
  }

  /** Counts a list whose items are counted one by one. */
  takeList(): void {
    this.#take(bytesOf.list);
  }

  #take(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > maxMegabytes * 1e6) this.#exceeded();
  }
}

function ownBytes(value: unknown): number {
  if (typeof value === "string") return bytesOf.text + value.length;
  if (typeof value === "bigint") return bytesOf.text;
  if (typeof value !== "object" || value === null) return bytesOf.small;
  if (Array.isArray(value)) return bytesOf.list;
  if (value instanceof Uint8Array) return bytesOf.view;
  return value instanceof Map || value instanceof Set || value instanceof StatefulValue
    ? bytesOf.mapping
    : bytesOf.small;
}
