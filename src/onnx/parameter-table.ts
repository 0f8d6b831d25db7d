import { builderError } from "../errors/builder-errors.js";
import type { NetworkWeights, WeightTensor } from "../network/checkpoint.js";
import { printable } from "../untrusted/printable.js";

/** Hands a checkpoint's tensors to the layers that need them and keeps account of those that do not fit. */
export class ParameterTable {
  readonly #weights: NetworkWeights;
  readonly #source: string;
  readonly #taken = new Set<string>();
  readonly #problems: string[] = [];
  #values = 0;

  /** @param source the checkpoint's file, for messages */
  constructor(weights: NetworkWeights, source: string) {
    this.#weights = weights;
    this.#source = source;
  }

  /** Learnt values handed out so far. */
  get valueCount(): number {
    return this.#values;
  }

  /** True if the checkpoint has none of the tensors asked for, even by name. */
  get isOfAnotherNetwork(): boolean {
    return [...this.#taken].every((name) => !this.#weights.has(name));
  }

  /**
   * The tensor of a layer. One that is missing or of another shape is noted, so that `finish` can name all of them;
   * what is returned in its place only lets the account go on.
   */
  take(name: string, shape: readonly number[]): WeightTensor {
    const tensor = this.#weights.get(name);
    this.#taken.add(name);
    this.#values += shape.reduce((a, b) => a * b, 1);
    if (tensor?.shape.join() === shape.join()) return tensor;
    this.#problems.push(
      tensor === undefined
        ? `${name} (${shapeText(shape)}) is missing`
        : `${name} is ${shapeText(tensor.shape)} in the checkpoint, ${shapeText(shape)} by the plans`,
    );
    return { shape, async *chunks() {} };
  }

  /**
   * Throws TENSOR_MISMATCH with the first tensors that are missing, misshapen or left over.
   *
   * @param isUnused true for tensors that inference has no use for: second names of the same tensor, training's own
   */
  finish(isUnused: (name: string) => boolean): void {
    for (const [name, tensor] of this.#weights) {
      if (!this.#taken.has(name) && !isUnused(name)) {
        this.#problems.push(`${printable(name)} (${shapeText(tensor.shape)}) has no place in the network`);
      }
    }
    if (this.#problems.length === 0) return;
    const shown = this.#problems.slice(0, maxShown).map((problem) => `  ${problem}`);
    const rest = this.#problems.length - shown.length;
    if (rest > 0) shown.push(`  and ${rest} more`);
    throw builderError(
      "TENSOR_MISMATCH",
      `${this.#source} does not fit the network of its plans:\n${shown.join("\n")}`,
    );
  }
}

const maxShown = 6;

const shapeText = (shape: readonly number[]): string => shape.join("×") || "a single value";
