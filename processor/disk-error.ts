import { ProcessorError } from "./errors.js";

/** The disk is full, an account's quota is used up, or a file may not get longer (a limit of the process). */
const fullCodes: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && fullCodes.has(String(error.code));
}

/**
 * A write that failed for want of space as a mistake of the catalogue; any other error as it is. Writers name what they
 * wrote themselves; this is for the edge, so that none is forgotten.
 */
export function diskError(error: unknown): unknown {
  if (!isDiskFull(error)) return error;
  const { message, path } = error as NodeJS.ErrnoException;
  return new ProcessorError(
    "DISK_FULL",
    path === undefined ? message : `no space left while writing ${path}`,
    {
      cause: error,
    },
  );
}
