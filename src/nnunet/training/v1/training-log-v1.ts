import {
  EpochMeasures,
  type LogReader,
  line,
  longestLine,
  number,
  type TrainingEvent,
} from "../training-log.js";

const patterns = {
  // The line before it has the time.
  epoch: /^epoch:\s+(\d{1,6})\s*$/,
  learningRate: line(`lr: ${number}`),
  trainLoss: line(`train loss : ${number}`),
  validationLoss: line(`validation loss: ${number}`),
  pseudoDice: line("Average global foreground Dice: \\[(.*)\\]"),
  seconds: line(`This epoch took ${number} s`),
  saving: line("saving checkpoint\\.\\.\\."),
  saved: line("done, saving took [\\d.]+ seconds"),
  // A case of the validation with the size of its array.
  predicting: /^(\S(?:.*\S)?) \(\d+(?:, \d+){3}\)\s*$/,
} as const;

/** Reads the output of v1's `nnUNet_train`, line by line. */
export class TrainingLogOfV1 implements LogReader {
  readonly #measures = new EpochMeasures(patterns);
  #isValidating = false;
  #isSaving = false;

  get isSaving(): boolean {
    return this.#isSaving;
  }

  read(text: string): TrainingEvent | null {
    const words = text.slice(0, longestLine);
    const found = (pattern: RegExp): string | null => pattern.exec(words)?.[1] ?? null;
    if (patterns.saving.test(words)) this.#isSaving = true;
    if (patterns.saved.test(words)) this.#isSaving = false;
    const epoch = found(patterns.epoch);
    if (epoch !== null) return this.#measures.start(Number(epoch));
    const caseName = found(patterns.predicting);
    if (caseName !== null) {
      // v1 does not say that the training is done.
      const kind = this.#isValidating ? "predicting" : "trained";
      this.#isValidating = true;
      return kind === "trained" ? { kind } : { kind, caseName };
    }
    return this.#measures.read(found);
  }
}
