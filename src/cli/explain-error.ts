import { ProcessorError } from "../../processor/contract/errors.js";
import { helpFor } from "../../processor/contract/help-for.js";
import { cleanLines } from "../../processor/contract/progress/log-lines.js";
import { builderRemedy } from "../ground/errors/catalogue.js";
import { withPagePaths } from "../ground/files/page-path.js";
import { serveFlags } from "../predict/nnunet-serve/options.js";
import { withServeNames } from "../predict/nnunet-serve/serve-names.js";
import { wrappedForTerminal } from "./findings-text.js";
import type { Terminal } from "./terminal.js";

/** What `--json` prints instead of a report if a command fails. Keys may be added without a new `errorVersion`. */
export interface ErrorReport {
  readonly errorVersion: 1;
  readonly error: {
    /** A code of the catalogue (docs/reference/errors.md), or BUG. */
    readonly code: string;
    readonly message: string;
    readonly help: string;
    readonly exitCode: number;
  };
}

/**
 * Describes any failure for a program.
 *
 * @param flags those of the failed command, with their dashes
 * @param currentDirectory the folder from which paths of pages are opened
 */
export function errorReport(
  error: unknown,
  flags: ReadonlySet<string>,
  currentDirectory: string,
): ErrorReport {
  if (error instanceof ProcessorError) {
    const { code, message, exitCode } = error;
    const remedy = builderRemedy(error);
    const ownNames = flags === serveFlags ? withServeNames(remedy) : remedy;
    const help = withPagePaths(helpFor(ownNames, flags), currentDirectory);
    return { errorVersion: 1, error: { code, message, help, exitCode } };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { errorVersion: 1, error: { code: "BUG", message, help: bugHelp, exitCode: 1 } };
}

export const bugHelp = "This is a bug of build_processor: please report it with the lines above.";

/** Describes the failure for people. On a terminal, the first word is red and lines are wrapped between words. */
export function errorText({ error: { code, message, help } }: ErrorReport, terminal: Terminal): string {
  const shown = cleanLines(message);
  if (code === "BUG") return `${shown}\n${help}\n`;
  const text = `error ${code}: ${shown}\n${help}\n`;
  if (!terminal.isInteractive) return text;
  const isColoured = (terminal.environment["NO_COLOR"] ?? "") === "";
  return wrappedForTerminal(text, terminal.columns).replace(
    /^error/,
    isColoured ? "\u001b[31merror\u001b[39m" : "error",
  );
}
