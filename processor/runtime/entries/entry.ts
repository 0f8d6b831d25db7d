import type { RuntimeSettings } from "../../contract/manifest.js";
import type { EventListener } from "../../contract/progress/run-event.js";
import type { ApiMethod, Target } from "../../contract/target.js";
import type { LoadedModel } from "../model/load-model.js";

/** What an image does on one platform. */
export interface Entry<T extends Target = Target> {
  readonly kind: T["kind"];
  /** Where the model can be; the last place counts if none of the others has one. */
  readonly modelPlaces: readonly [string, ...string[]];
  /** True if a word on the command line chooses between `exec` and `invoke`. */
  readonly takesApiMethod: boolean;
  /** Returns a line of the log as the platform wants it. */
  logLine(line: string): string;
  /**
   * @returns the exit code
   * @throws what stops everything, as a ProcessorError
   */
  run(target: T, context: EntryContext): Promise<number>;
}

/** What every target's entry gets from the program. */
export interface EntryContext {
  readonly loaded: LoadedModel;
  /** Those of the manifest, with the command line's own in front. */
  readonly settings: RuntimeSettings;
  /** Null for the target's own. */
  readonly apiMethod: ApiMethod | null;
  /** The working directory of the process. */
  readonly workingDir: string;
  /** The port that a server listens on. */
  readonly port: number;
  readonly onEvent: EventListener;
  /** Reports a failure after which the program goes on. */
  readonly complain: (line: string) => void;
  readonly signal: AbortSignal;
}
