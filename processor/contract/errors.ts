/** One row of a catalogue. */
export interface ErrorEntry {
  /**
   * The process's exit code: 2 usage or config, 3 model, 4 input image, 5 the machine (engine, device, disk, network),
   * 6 some cases failed, 130 interrupted. An error outside the catalogues is a bug, exits with 1 and keeps its stack.
   */
  readonly exit: number;
  /** The status of an HTTP response that reports it. */
  readonly http: number;
  /**
   * The remedy. A program shows a sentence only if it has the flags that the sentence names, so at least one sentence
   * names no flag.
   */
  readonly help: string;
}

/** An error that a user can cause or meet. The message says what was found and where; `help` is the remedy. */
export class ProcessorError extends Error {
  override readonly name = "ProcessorError";
  readonly code: string;
  readonly #entry: ErrorEntry;

  constructor(code: string, entry: ErrorEntry, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.#entry = entry;
  }

  get help(): string {
    return this.#entry.help;
  }

  get exitCode(): number {
    return this.#entry.exit;
  }

  get httpStatus(): number {
    return this.#entry.http;
  }

  /** Returns the same error with another message, for example with a place before it. */
  reworded(message: string, options: ErrorOptions = { cause: this }): ProcessorError {
    return new ProcessorError(this.code, this.#entry, message, options);
  }
}

/** A function that makes the errors of one catalogue. */
export interface ErrorMaker<Code extends string> {
  (code: Code, message: string, options?: ErrorOptions): ProcessorError;
  readonly entries: Readonly<Record<Code, ErrorEntry>>;
}

/**
 * Defines a catalogue of errors. Each project has its own, so that an image does not contain remedies for
 * `build_processor`.
 *
 * @example const imageError = defineErrors({ IMAGE_EMPTY: { exit: 4, http: 422, help: "…" } }); throw
 *   imageError("IMAGE_EMPTY", `${path} has no voxels`);
 */
export function defineErrors<Code extends string>(
  entries: Readonly<Record<Code, ErrorEntry>>,
): ErrorMaker<Code> {
  const make = (code: Code, message: string, options?: ErrorOptions): ProcessorError =>
    new ProcessorError(code, entries[code], message, options);
  return Object.assign(make, { entries });
}
