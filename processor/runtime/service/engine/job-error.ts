import { ProcessorError } from "../../../contract/errors.js";
import { diskError } from "../../../files/disk-error.js";
import { memoryError } from "../../run/memory-limit.js";
import type { JobError } from "../jobs/job.js";

/** Describes an error for a job. A bug keeps its place in the program, which the log needs. */
export function jobErrorOf(thrown: unknown): JobError {
  const error = diskError(memoryError(thrown));
  if (error instanceof ProcessorError) return { code: error.code, message: error.message, help: error.help };
  return {
    code: "BUG",
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    help: "Please report it, with the server's log.",
  };
}
