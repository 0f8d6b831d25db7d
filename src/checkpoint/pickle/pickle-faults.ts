import { builderError } from "../../ground/errors/builder-errors.js";
import type { ByteCursor } from "./byte-cursor.js";

/** Throws errors that state what is wrong with a pickle, and where. */
export class PickleFaults {
  readonly #source: string;
  readonly #input: ByteCursor;

  constructor(source: string, input: ByteCursor) {
    this.#source = source;
    this.#input = input;
  }

  /** Throws for a pickle that would run code in Python. */
  unsafe(what: string): never {
    throw builderError(
      "CHECKPOINT_UNSAFE",
      `${this.#source}: the pickle ${what}; a checkpoint holds tensors and plain values only`,
    );
  }

  /** Throws for a pickle that no training program would write. */
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
