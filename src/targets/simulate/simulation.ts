import type { Progress } from "../../../processor/contract/progress/progress.js";
import type { Sandbox, SandboxVolume } from "../../docker/sandbox/sandbox.js";
import type { Finding } from "../../ground/finding.js";
import type { ExpectedOutput, OutputRules } from "./expected-output.js";
import type { OpenedImage } from "./open-image.js";
import type { PhaseResult } from "./phase-result.js";
import type { TrialCase } from "./trial-cases.js";

/** The way in which a platform runs an image, as far as any machine can imitate it. */
export interface Simulation {
  /** The memory of the platform's machine, unless the user names another. */
  readonly memoryBytes: number;
  /** The memory that the platform keeps for itself and subtracts from RLIMIT_DATA; null if there is no such limit. */
  readonly keptMemoryBytes: number | null;
  readonly environment: readonly string[];
  /** The folders that may be written, in addition to the output and /tmp. */
  readonly writable: readonly string[];
  readonly output: OutputRules;
  /** Does what the platform does with an image, from the first look to the last signal. */
  run(options: PhasesOptions): Promise<Phases>;
}

/** A case with its expected output. */
export type KnownCase = TrialCase & ExpectedOutput;

/** The settings that every phase of a simulation needs. */
export interface Trial {
  readonly sandbox: Sandbox;
  /** The image as the platform has it. */
  readonly reference: string;
  readonly simulation: Simulation;
  readonly memoryBytes: number;
  /** For one case, or for one run where a run has many. */
  readonly timeoutSeconds: number;
  readonly labels: readonly number[] | null;
  /** The model, where it was written apart from the image. */
  readonly modelVolume: SandboxVolume | null;
  readonly minDice: number;
  /** The settings in which the image differs from nnU-Net's defaults. */
  readonly departures: readonly string[];
  readonly progress: Progress;
  /** A folder for what phases need. */
  readonly scratch: string;
  readonly signal: AbortSignal;
}

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
