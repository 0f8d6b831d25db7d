import { printable } from "../../ground/untrusted/printable.js";
import { inMessages } from "../../ground/untrusted/short-text.js";
import { StatefulValue } from "./pickle-global.js";

/** The module path of all classes in a file of TorchScript. */
export const scriptPrefix = "__torch__.";

/** A module of a network that was saved as TorchScript: its attributes, without its code. */
export class ScriptModule extends StatefulValue {
  readonly #name: string;
  #attributes: ReadonlyMap<unknown, unknown> = new Map();

  constructor(name: string) {
    super();
    this.#name = name;
  }

  get [inMessages](): string {
    return `a module of ${printable(this.#name)}`;
  }

  override setState(state: unknown): void {
    if (state instanceof Map) this.#attributes = state;
  }

  get attributes(): ReadonlyMap<unknown, unknown> {
    return this.#attributes;
  }
}
