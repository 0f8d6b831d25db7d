import { ProcessorError } from "../../../contract/errors.js";
import { helpFor } from "../../../contract/help-for.js";
import { systemError } from "../../../files/system-error.js";
import { memoryError } from "../../run/memory-limit.js";
import type { JobError } from "../jobs/job.js";

/** Describes an error for a job. A bug keeps its place in the program, which the log needs. */
export function jobErrorOf(thrown: unknown): JobError {
  const error = systemError(memoryError(thrown));
  if (error instanceof ProcessorError) {
    const { code, message, help } = error;
    // A request has no flags.
    return { code, message, help: helpFor(help, new Set()) || help };
  }
  return {
    code: "BUG",
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    help: "Please report it, with the server's log.",
  };
}
