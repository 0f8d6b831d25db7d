import { StatefulValue } from "./pickle-global.js";

/**
 * The largest that are known, nnU-Net's logs of 4000 epochs with 117 classes, take some 250 MB by this account; nearly
 * all of it is free again when the checkpoint is read.
 */
export const maxMegabytes = 400;

/** What values take in memory, about, in bytes, their place on the stack included. */
const bytesOf = { small: 16, reference: 16, text: 32, list: 64, mapping: 200, view: 160, entry: 40 } as const;

/** Counts what a pickle builds: a short one can ask for much, and for many copies of something long. */
export class MemoryBudget {
  readonly #exceeded: () => never;
  #bytes = 0;

  /** @param exceeded called when a pickle builds more than `maxMegabytes` */
  constructor(exceeded: () => never) {
    this.#exceeded = exceeded;
  }

  /** A value that is there already gets another place. */
  takeReference(): void {
    this.#take(bytesOf.reference);
  }

  /** Entries of a dict, a set or the memo. */
  takeEntries(count: number): void {
    this.#take(count * bytesOf.entry);
  }

  /** A value that an opcode built; what lies in it was counted before. */
  takeNew(value: unknown): void {
    this.#take(ownBytes(value));
  }

  /** A value that a function built out of others, which it may have copied. */
  takeCopy(value: unknown): void {
    if (value instanceof Uint8Array || typeof value === "string") this.#take(value.length);
    else if (value instanceof Map || value instanceof Set) this.takeEntries(value.size);
    else if (Array.isArray(value)) this.#take(value.length * bytesOf.reference);
  }

  /** A list whose items are counted one by one. */
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
