import { ProcessorError } from "../../contract/errors.js";
import { helpFor } from "../../contract/help-for.js";
import { imageFlags } from "./folder-arguments.js";

/**
 * Returns the lines that report an error to the user of an image: one line, or several for a bug. Platforms show the
 * last one.
 */
export function failureLines(error: unknown): readonly string[] {
  if (error instanceof ProcessorError) return [failureSentence(error)];
  return [
    error instanceof Error ? (error.stack ?? error.message) : String(error),
    "This is a bug of nnunet-processor: please report it with the lines above.",
  ];
}

type Failure = Pick<ProcessorError, "code" | "message" | "help">;

/** Returns `CODE: what was found and where. What to do.` */
export function failureSentence({ code, message, help }: Failure): string {
  return `${code}: ${/[.!?]$/.test(message) ? message : `${message}.`} ${helpFor(help, imageFlags)}`;
}
