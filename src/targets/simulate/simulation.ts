import type { Finding } from "../../findings/finding.js";
import type { ExpectedOutput } from "./lint-output.js";
import type { OpenedImage } from "./open-image.js";
import type { PhaseResult } from "./phase-result.js";
import type { Trial } from "./trial.js";
import type { TrialCase } from "./trial-cases.js";

/** The way in which a platform runs an image, as far as any machine can imitate it. */
export interface Simulation {
  /** The memory of the platform's machine, unless the user names another. */
  readonly memoryBytes: number;
  /** What the platform keeps of the machine's memory and takes off RLIMIT_DATA; null if there is no such limit. */
  readonly keptMemoryBytes: number | null;
  readonly environment: readonly string[];
  /** The folders that may be written, in addition to the output and /tmp. */
  readonly writable: readonly string[];
  readonly output: OutputRules;
  /** Does what the platform does with an image, from the first look to the last signal. */
  run(options: PhasesOptions): Promise<Phases>;
}

/** The platform's rules for the output. */
export interface OutputRules {
  /**
   * Where a segmentation is: one folder for each kind of image with one image in it; next to others under the input's
   * own file name; or anywhere under the case's name.
   */
  readonly layout: "folder-per-socket" | "same-file-name" | "by-case-name";
  /** The endings of images that the platform accepts, with leading dot; null for every ending that can be read. */
  readonly endings: readonly string[] | null;
  readonly isEightBitOnly: boolean;
}

/** A case with its expected output. */
export type KnownCase = TrialCase & ExpectedOutput;

export interface PhasesOptions {
  readonly trial: Omit<Trial, "reference">;
  readonly image: OpenedImage;
  readonly cases: readonly KnownCase[];
  readonly sockets: readonly string[];
}

export interface Phases {
  readonly findings: readonly Finding[];
  readonly phases: readonly PhaseResult[];
}

export const gibibyte = 1024 ** 3;
