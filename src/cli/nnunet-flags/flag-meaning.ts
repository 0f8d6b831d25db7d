/** An option of one of nnU-Net's commands, and what it is here. */
export interface FlagMeaning {
  /** With dashes: `-c`, `--disable_tta`; without for a positional argument. */
  readonly names: readonly string[];
  readonly takes: "no value" | "one value" | "several values";
  /**
   * An option here, without dashes; a number for a positional argument, from 0; a part of the path of the model's folder;
   * null if there is no counterpart.
   */
  readonly here: string | number | ModelPart | null;
  /** Why there is no counterpart. */
  readonly reason?: string;
  /** The value of the option here, if it is always the same. */
  readonly value?: string;
  /** The command here that gets it, if there are several; absent for every one that knows the option. */
  readonly only?: string;
  /** A command here that is left out. */
  readonly skips?: string;
  /** An option here that is needed where this one is not given, without dashes. */
  readonly leavesOut?: string;
}

/** A part of the path of a model's folder, which one option names here. */
export interface ModelPart {
  readonly part: "dataset" | "trainer" | "cascadeTrainer" | "plans" | "configuration";
}

type Here = FlagMeaning["here"];
type More = Partial<Omit<FlagMeaning, "names" | "takes" | "here">>;

const namesOf = (names: string): readonly string[] => names.split("/");

export const one = (names: string, here: Here, more: More = {}): FlagMeaning => ({
  names: namesOf(names),
  takes: "one value",
  here,
  ...more,
});

export const several = (names: string, here: Here, more: More = {}): FlagMeaning => ({
  ...one(names, here, more),
  takes: "several values",
});

export const on = (names: string, here: Here, more: More = {}): FlagMeaning => ({
  ...one(names, here, more),
  takes: "no value",
});

/** Turns an option into one without a counterpart here. */
export const without = (flag: FlagMeaning, reason: string): FlagMeaning => ({ ...flag, here: null, reason });

export const part = (name: ModelPart["part"]): ModelPart => ({ part: name });
