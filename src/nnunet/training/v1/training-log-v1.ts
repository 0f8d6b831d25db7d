import {
  diceValues,
  type LogReader,
  numberOf,
  type TrainedEpoch,
  type TrainingEvent,
} from "../training-log.js";

/** The most text of a line that is looked at. */
const longestLine = 4000;

const number = "(-?[\\d.]+(?:e[+-]?\\d+)?|nan|-?inf)";
const timestamp = "^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?: ";
const line = (text: string): RegExp => new RegExp(`${timestamp}${text}\\s*$`);

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
  predicting: /^(\S+) \(\d+(?:, \d+){3}\)\s*$/,
} as const;

/** Reads the output of v1's `nnUNet_train`, line by line. */
export class TrainingLogOfV1 implements LogReader {
  #epoch: { -readonly [Key in keyof TrainedEpoch]?: TrainedEpoch[Key] } = {};
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
    if (epoch !== null) {
      this.#epoch = { epoch: Number(epoch) };
      return { kind: "epoch-started", epoch: Number(epoch) };
    }
    const caseName = found(patterns.predicting);
    if (caseName !== null) {
      // v1 does not say that the training is done.
      const kind = this.#isValidating ? "predicting" : "trained";
      this.#isValidating = true;
      return kind === "trained" ? { kind } : { kind, caseName };
    }
    return this.#measure(found);
  }

  #measure(found: (pattern: RegExp) => string | null): TrainingEvent | null {
    for (const name of ["learningRate", "trainLoss", "validationLoss", "seconds"] as const) {
      const value = found(patterns[name]);
      if (value !== null) this.#epoch[name] = numberOf(value);
    }
    const dice = found(patterns.pseudoDice);
    if (dice !== null) this.#epoch.pseudoDice = diceValues(dice);
    const { epoch, learningRate, trainLoss, validationLoss, pseudoDice, seconds } = this.#epoch;
    if (epoch === undefined || seconds === undefined || trainLoss === undefined) return null;
    this.#epoch = {};
    return {
      kind: "epoch",
      result: {
        epoch,
        learningRate: learningRate ?? Number.NaN,
        trainLoss,
        validationLoss: validationLoss ?? Number.NaN,
        pseudoDice: pseudoDice ?? [],
        seconds,
      },
    };
  }
}
