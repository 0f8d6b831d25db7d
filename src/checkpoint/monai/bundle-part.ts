import type { ProcessorError } from "../../../processor/contract/errors.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { printable } from "../../ground/untrusted/printable.js";
import type { Field } from "../fields.js";

/** Says that a part of a bundle is not built in. */
export const unsupported = (place: string, what: string): ProcessorError =>
  builderError("BUNDLE_UNSUPPORTED", `${place}: ${what}`);

/** An object that a bundle describes: the class that it names, and the class's arguments. */
export class BundlePart {
  /** The name without its module, such as `SlidingWindowInferer`. */
  readonly name: string;
  readonly place: string;
  readonly #field: Field;
  readonly #read = new Set<string>();

  /** @throws BUNDLE_UNSUPPORTED, MODEL_FILE_INVALID */
  constructor(field: Field) {
    this.#field = field;
    this.place = field.path;
    const target = field.get("_target_");
    if (!target.isString) throw unsupported(field.path, `no class is named (_target_), but ${target.text()}`);
    this.name = target.string().split(".").at(-1)!;
  }

  /** True for a part that MONAI leaves out. */
  get isDisabled(): boolean {
    const field = this.#field.get("_disabled_");
    return !field.isNull && field.boolean();
  }

  /** Returns an argument, which is null if it is not given. */
  get(key: string): Field {
    this.#read.add(key);
    return this.#field.get(key);
  }

  /** True if the argument is given, even as null. */
  has(key: string): boolean {
    return this.#field.keys().includes(key);
  }

  number(key: string, otherwise: number): number {
    const field = this.get(key);
    return field.isNull ? otherwise : field.number();
  }

  boolean(key: string, otherwise: boolean): boolean {
    const field = this.get(key);
    return field.isNull ? otherwise : field.boolean();
  }

  /** Returns a number or a list of numbers as a list; null if it is not given. */
  numbers(key: string): readonly number[] | null {
    const field = this.get(key);
    if (field.isNull) return null;
    return field.isList ? field.numbers() : [field.number()];
  }

  /**
   * Accepts the arguments that change nothing.
   *
   * @throws BUNDLE_UNSUPPORTED for an argument that was neither read nor accepted
   */
  finish(...accepted: readonly string[]): void {
    for (const key of this.#field.keys()) {
      if (this.#read.has(key) || accepted.includes(key) || usual.has(key)) continue;
      const value = this.#field.get(key);
      if (value.isNull || value.raw === false) continue;
      throw unsupported(
        this.place,
        `${this.name} has the argument ${printable(key)} (${value.text()}), which is not built in`,
      );
    }
  }
}

/** Arguments of all classes that concern names and files only. */
const usual: ReadonlySet<string> = new Set([
  "_target_",
  "_desc_",
  "_requires_",
  "_disabled_",
  "_mode_",
  "keys",
  "allow_missing_keys",
  "meta_keys",
  "meta_key_postfix",
  "track_meta",
  "to_tensor",
  "device",
  "dtype",
]);
