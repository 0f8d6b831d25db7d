import type { EventListener } from "../../contract/progress/run-event.js";
import type { ImageSettings } from "../../contract/run-settings.js";
import type { ApiMethod, Target } from "../../contract/target.js";
import type { LoadedModel } from "../model/load-model.js";

/** The actions of an image on one platform. */
export interface Entry<T extends Target = Target> {
  readonly kind: T["kind"];
  /** The folders in which the model can be. The last one is used if none of them has a model. */
  readonly modelPlaces: readonly [string, ...string[]];
  /** True if a word on the command line chooses between `exec` and `invoke`. */
  readonly takesApiMethod: boolean;
  /** Returns a line of the log in the platform's form. */
  logLine(line: string): string;
  /**
   * @returns the exit code
   * @throws a ProcessorError that stops the whole run
   */
  run(target: T, context: EntryContext): Promise<number>;
}

/** The objects that every entry receives from the program. */
export interface EntryContext {
  readonly loaded: LoadedModel;
  /** The settings of the manifest, overridden by the command line. */
  readonly settings: ImageSettings;
  /** Null to use the target's own method. */
  readonly apiMethod: ApiMethod | null;
  /** The working directory of the process. */
  readonly workingDir: string;
  /** The port that a server listens on. */
  readonly port: number;
  readonly onEvent: EventListener;
  /** Reports a failure after which the program continues. */
  readonly complain: (line: string) => void;
  readonly signal: AbortSignal;
}
