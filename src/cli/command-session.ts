import type { WorkContext } from "../models/work-context.js";
import type { Terminal } from "./terminal.js";

/** The environment of every command. Ctrl-C aborts its signal. */
export interface CommandSession extends WorkContext {
  readonly terminal: Terminal;
  /** Every flag of the command, with its dashes: remedies name only these. */
  readonly flags: ReadonlySet<string>;
}
