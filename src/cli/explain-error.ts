import { ProcessorError } from "../../processor/errors.js";
import { helpFor } from "../../processor/help-for.js";

/** What `--json` prints instead of a report when a command fails. Within one `errorVersion` keys are only added. */
export interface ErrorReport {
  readonly errorVersion: 1;
  readonly error: {
    /** Of the catalogue (docs/reference/errors.md), or BUG. */
    readonly code: string;
    readonly message: string;
    readonly help: string;
    readonly exitCode: number;
  };
}

/** Describes any failure for a program. @param flags those of the command that failed, with their dashes */
export function errorReport(error: unknown, flags: ReadonlySet<string>): ErrorReport {
  if (error instanceof ProcessorError) {
    const { code, message, exitCode } = error;
    const help = helpFor(code, { program: "build_processor", flags });
    return { errorVersion: 1, error: { code, message, help, exitCode } };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { errorVersion: 1, error: { code: "BUG", message, help: bugHelp, exitCode: 1 } };
}

export const bugHelp = "This is a bug of build_processor: please report it with the lines above.";

/** What a person reads of it. */
export const errorText = ({ error: { code, message, help } }: ErrorReport): string =>
  `${code === "BUG" ? message : `error ${code}: ${message}`}\n${help}\n`;
