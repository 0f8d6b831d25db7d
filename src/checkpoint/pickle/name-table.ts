import { printable } from "../../ground/untrusted/printable.js";
import { runsCode } from "./code-names.js";
import type { MemoryBudget } from "./memory-budget.js";
import type { PickleFaults } from "./pickle-faults.js";
import { type GlobalTable, PickleGlobal } from "./pickle-global.js";
import { ScriptModule, scriptPrefix } from "./script-module.js";
import { UnreadObject } from "./unread-object.js";

/** Longer than any name in a Python library. */
const maxNameLength = 1000;

/** The names in one pickle: known names, and names whose objects are not read. */
export class NameTable {
  readonly #known: GlobalTable;
  readonly #unread = new Map<string, PickleGlobal>();
  readonly #faults: PickleFaults;
  readonly #budget: MemoryBudget;

  constructor(known: GlobalTable, faults: PickleFaults, budget: MemoryBudget) {
    this.#known = known;
    this.#faults = faults;
    this.#budget = budget;
  }

  /** @throws CHECKPOINT_UNSAFE for a name that runs code in Python */
  find(module: string, name: string): PickleGlobal {
    const qualifiedName = `${module}.${name}`;
    const found = this.#known.get(qualifiedName) ?? this.#unread.get(qualifiedName);
    if (found !== undefined) return found;
    if (qualifiedName.length > maxNameLength)
      this.#faults.damaged(`a name of ${qualifiedName.length} characters`);
    if (runsCode(module, name)) this.#faults.unsafe(`asks to load ${printable(qualifiedName)}`);
    const isScript = qualifiedName.startsWith(scriptPrefix);
    const construct = isScript ? { construct: () => new ScriptModule(qualifiedName) } : {};
    const unread = new PickleGlobal({ name: qualifiedName, ...construct });
    this.#budget.takeEntries(2);
    this.#budget.takeCopy(qualifiedName);
    this.#unread.set(qualifiedName, unread);
    return unread;
  }

  /** Returns the value that replaces the result of calling the name in Python. */
  construct(callable: unknown, args: unknown): unknown {
    if (!(callable instanceof PickleGlobal))
      return this.#faults.refused("calls something that is not a name");
    if (callable.construct === undefined) {
      const known: readonly unknown[] = Array.isArray(args) ? args : [];
      return new UnreadObject(`an object of ${printable(callable.name)}`, known);
    }
    if (!Array.isArray(args))
      return this.#faults.damaged(`the arguments of ${callable.name} are not a tuple`);
    const value = callable.construct(args);
    this.#budget.takeCopy(value);
    return value;
  }
}
