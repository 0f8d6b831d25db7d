import { builderError } from "../../errors/builder-errors.js";
import type { ByteCursor } from "./byte-cursor.js";

/** Throws errors that say what is wrong with a pickle, and where. */
export class PickleFaults {
  readonly #source: string;
  readonly #input: ByteCursor;

  constructor(source: string, input: ByteCursor) {
    this.#source = source;
    this.#input = input;
  }

  /** Python would run code. */
  unsafe(what: string): never {
    throw builderError(
      "CHECKPOINT_UNSAFE",
      `${this.#source}: the pickle ${what}; a checkpoint holds tensors and plain values only`,
    );
  }

  /** No program that saves a training writes such a file. */
  refused(what: string): never {
    throw builderError("CHECKPOINT_REFUSED", `${this.#source}: the pickle ${what}`);
  }

  damaged(what: string): never {
    throw builderError(
      "MODEL_FILE_INVALID",
      `${this.#source}: damaged pickle before byte ${this.#input.position}: ${what}`,
    );
  }
}
