import type { WorkContext } from "../models/work-context.js";
import type { Terminal } from "./terminal.js";

/** What every command gets beside its own arguments. Ctrl-C aborts its signal. */
export interface CommandSession extends WorkContext {
  readonly terminal: Terminal;
}
