import type { CommandSession } from "./command-session.js";

/** The meaning of a command line: a text to print, or a command to run. */
export type ParsedCommand =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "command"; readonly run: (session: CommandSession) => Promise<number> };
