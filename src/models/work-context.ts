import type { Progress } from "../../processor/contract/progress/progress.js";

/** The environment of work on models, provided by a command, a program or a service. */
export interface WorkContext {
  /** The start of relative paths. */
  readonly currentDirectory: string;
  /** Environment variables, which name the cache and the Docker engine. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `processor.lock.json`, next to the config.json in use, or else in the current folder. */
  readonly lockFile: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}
