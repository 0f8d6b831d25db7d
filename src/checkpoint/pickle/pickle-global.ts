import { printable } from "../../ground/untrusted/printable.js";
import { inMessages } from "../../ground/untrusted/short-text.js";

/** Describes how to handle a name that a pickle contains. */
export interface GlobalEntry {
  /** The qualified name, `module.name`. */
  readonly name: string;
  /** Undefined for names whose objects are not needed. */
  readonly construct?: (args: readonly unknown[]) => unknown;
}

/**
 * A name that a pickle refers to. Nothing is imported and nothing is called: `construct` builds plain data
 * instead of the object that Python would build.
 */
export class PickleGlobal {
  readonly name: string;
  readonly construct: GlobalEntry["construct"];

  constructor({ name, construct }: GlobalEntry) {
    this.name = name;
    this.construct = construct;
  }

  get [inMessages](): string {
    return `the name ${printable(this.name)}`;
  }
}

/** A value whose state the pickle sets after construction (opcode BUILD). */
export abstract class StatefulValue {
  abstract setState(state: unknown): void;
}

export type GlobalTable = ReadonlyMap<string, PickleGlobal>;

export const globalTable = (...entries: readonly GlobalEntry[]): GlobalTable =>
  new Map(entries.map((entry) => [entry.name, new PickleGlobal(entry)]));
