import type { WorkContext } from "../models/work-context.js";
import type { Terminal } from "./terminal.js";

/** What every command gets from the program. Ctrl-C aborts the signal. */
export interface CommandSession extends WorkContext {
  readonly terminal: Terminal;
  /** Every flag of the command, with its dashes: remedies name only these flags. */
  readonly flags: ReadonlySet<string>;
}
