import { ProcessorError } from "../../processor/errors.js";
import type { Terminal } from "./terminal.js";

/** Says what went wrong and what to do about it; returns the exit code. */
export function explainError(error: unknown, { err }: Pick<Terminal, "err">): number {
  if (error instanceof ProcessorError) {
    err(`error ${error.code}: ${error.message}\n${error.help}\n`);
    return error.exitCode;
  }
  err(`${error instanceof Error ? error.stack : String(error)}\n`);
  err("This is a bug of build_processor: please report it with the lines above.\n");
  return 1;
}
