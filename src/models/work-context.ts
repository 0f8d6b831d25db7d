import type { Progress } from "../../processor/contract/progress/progress.js";

/** What work on models takes from whoever starts it: a command line, a library's caller, a service. */
export interface WorkContext {
  /** Relative paths count from here. */
  readonly currentDirectory: string;
  /** Says where the cache and the Docker engine are. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `processor.lock.json`: next to the config.json that names what it locks, else in the current folder. */
  readonly lockFile: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}
