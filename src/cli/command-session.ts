import type { Progress } from "../../processor/contract/progress/progress.js";
import type { Terminal } from "./terminal.js";

/** What every command gets beside its own arguments. */
export interface CommandSession {
  readonly terminal: Terminal;
  /** `processor.lock.json`: beside the config.json that names what it locks, else in the current folder. */
  readonly lockFile: string;
  readonly progress: Progress;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}
