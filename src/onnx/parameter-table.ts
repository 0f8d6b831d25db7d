import type { NetworkWeights, WeightTensor } from "../checkpoint/network/checkpoint.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { printable } from "../ground/untrusted/printable.js";

/** Returns a checkpoint's tensors to the layers that need them, and records those that do not fit. */
export class ParameterTable {
  readonly #weights: NetworkWeights;
  readonly #source: string;
  readonly #taken = new Set<string>();
  readonly #problems: string[] = [];
  #values = 0;

  /** @param source name of the checkpoint file, for messages */
  constructor(weights: NetworkWeights, source: string) {
    this.#weights = weights;
    this.#source = source;
  }

  /** The number of learnt values returned so far. */
  get valueCount(): number {
    return this.#values;
  }

  /** True if the checkpoint contains none of the requested tensor names. */
  get isOfAnotherNetwork(): boolean {
    return [...this.#taken].every((name) => !this.#weights.has(name));
  }

  /** Returns the shape of a tensor that may be missing. */
  shapeOf(name: string): readonly number[] | null {
    return this.#weights.get(name)?.shape ?? null;
  }

  /**
   * Returns the tensor of a layer. A tensor that is missing or has another shape is recorded, so that
   * `finish` can name all of them; the placeholder that is returned instead only lets the check continue.
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
   * Throws TENSOR_MISMATCH with the first tensors that are missing, have another shape or are unused.
   *
   * @param isUnused true for tensors that inference does not need: duplicate names of a tensor, and tensors
   * of the training
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
