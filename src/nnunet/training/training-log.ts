/** One epoch, as nnU-Net v2 logs it. */
export interface TrainedEpoch {
  /** From 0. */
  readonly epoch: number;
  readonly learningRate: number;
  /** Negative when good: a Dice loss from -1 to 0 plus cross-entropy. NaN if the training has broken down. */
  readonly trainLoss: number;
  readonly validationLoss: number;
  /** One for each class or region; NaN for a class that the validation patches lack. */
  readonly pseudoDice: readonly number[];
  readonly seconds: number;
}

/** What a line of the log, or several, means. */
export type TrainingEvent =
  | { readonly kind: "epoch-started"; readonly epoch: number }
  | { readonly kind: "epoch"; readonly result: TrainedEpoch }
  | { readonly kind: "trained" }
  | { readonly kind: "predicting"; readonly caseName: string }
  | { readonly kind: "validated"; readonly meanDice: number };

/** Reads the output of a training, line by line. */
export interface LogReader {
  /** Returns the event that a line completes; null for any other line. */
  read(text: string): TrainingEvent | null;
  /** True while a checkpoint is being written; undefined if the lines do not say it. */
  readonly isSaving?: boolean;
}

/**
 * The most characters of a line that are read: enough for the Dice of a thousand classes. Only nnU-Net's plans are longer, and they
 * do not show progress.
 */
export const longestLine = 40_000;

/** A number as Python prints it, for a pattern. */
export const number = "(-?[\\d.]+(?:e[+-]?\\d+)?|nan|-?inf)";
const timestamp = "^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?: ";

/** Returns the pattern of a line that begins with the time. */
export const line = (text: string): RegExp => new RegExp(`${timestamp}${text}\\s*$`);

const patterns = {
  epoch: line("Epoch (\\d+)"),
  learningRate: line(`Current learning rate: ${number}`),
  trainLoss: line(`train_loss ${number}`),
  validationLoss: line(`val_loss ${number}`),
  pseudoDice: line("Pseudo dice \\[(.*)\\]"),
  seconds: line(`Epoch time: ${number} s`),
  trained: line("Training done\\."),
  // The name of a case may have spaces.
  predicting: line("predicting (\\S(?:.*\\S)?)"),
  validated: line(`Mean Validation Dice:\\s+${number}`),
} as const;

/**
 * Reads the log of `nnUNetv2_train`, from its output or its training_log file, line by line. The epoch is complete with
 * its last line, so that an interrupted one is not reported.
 */
export class TrainingLog implements LogReader {
  readonly #measures = new EpochMeasures(patterns);

  /** Returns the event that a line completes; null for any other line. */
  read(text: string): TrainingEvent | null {
    const words = text.slice(0, longestLine);
    const found = (pattern: RegExp): string | null => pattern.exec(words)?.[1] ?? null;
    const epoch = found(patterns.epoch);
    if (epoch !== null) return this.#measures.start(Number(epoch));
    if (patterns.trained.test(words)) return { kind: "trained" };
    const caseName = found(patterns.predicting);
    if (caseName !== null) return { kind: "predicting", caseName };
    const meanDice = found(patterns.validated);
    if (meanDice !== null) return { kind: "validated", meanDice: numberOf(meanDice) };
    return this.#measures.read(found);
  }
}

type MeasurePatterns = Readonly<
  Record<"learningRate" | "trainLoss" | "validationLoss" | "pseudoDice" | "seconds", RegExp>
>;

/** Collects the lines of one epoch. */
export class EpochMeasures {
  readonly #patterns: MeasurePatterns;
  #epoch: { -readonly [Key in keyof TrainedEpoch]?: TrainedEpoch[Key] } = {};

  constructor(measurePatterns: MeasurePatterns) {
    this.#patterns = measurePatterns;
  }

  start(epoch: number): TrainingEvent {
    this.#epoch = { epoch };
    return { kind: "epoch-started", epoch };
  }

  /** Returns the epoch if the line has the last of its measures; null otherwise. */
  read(found: (pattern: RegExp) => string | null): TrainingEvent | null {
    for (const name of ["learningRate", "trainLoss", "validationLoss", "seconds"] as const) {
      const value = found(this.#patterns[name]);
      if (value !== null) this.#epoch[name] = numberOf(value);
    }
    const dice = found(this.#patterns.pseudoDice);
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

/** Reads `np.float32(0.1), nan, 0.2`: numpy 2 prints the type, numpy 1 does not. */
const diceValues = (text: string): readonly number[] =>
  text
    .split(",")
    .map((item) => item.replace(/^\s*np\.float\d+\(/, "").replace(/\)\s*$/, ""))
    .filter((item) => item.trim() !== "")
    .map(numberOf);

function numberOf(text: string): number {
  const word = text.trim();
  if (word === "nan") return Number.NaN;
  if (word === "inf") return Number.POSITIVE_INFINITY;
  return word === "-inf" ? Number.NEGATIVE_INFINITY : Number(word);
}
