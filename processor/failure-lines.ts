import type { CaseReport } from "./case.js";
import { ProcessorError } from "./errors.js";

/** What a person is told about an error: several lines for a bug; the last is always the one that platforms show. */
export function failureLines(error: unknown): readonly string[] {
  if (error instanceof ProcessorError) return [failureSentence(error)];
  return [
    error instanceof Error ? (error.stack ?? error.message) : String(error),
    "This is a bug of nnunet-processor: please report it with the lines above.",
  ];
}

/** `CODE: what was found and where. What to do.` */
export const failureSentence = ({ code, message, help }: NonNullable<CaseReport["error"]>): string =>
  `${code}: ${/[.!?]$/.test(message) ? message : `${message}.`} ${help}`;
