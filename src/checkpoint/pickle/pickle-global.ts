/**
 * A name that a pickle may refer to. Nothing is imported and nothing is called: `construct` builds plain data
 * in the place of what Python would have built.
 */
export interface PickleGlobal {
  /** `module.name`. */
  readonly name: string;
  /** Absent for names that may be referred to but not called. */
  readonly construct?: (args: readonly unknown[]) => unknown;
}

/** Something whose pickle continues with a state (opcode BUILD) after its construction. */
export abstract class StatefulValue {
  abstract setState(state: unknown): void;
}

export type GlobalTable = ReadonlyMap<string, PickleGlobal>;

export const globalTable = (...globals: readonly PickleGlobal[]): GlobalTable =>
  new Map(globals.map((global) => [global.name, global]));
