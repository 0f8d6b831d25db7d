import { sharedError } from "../contract/shared-errors.js";

/** The codes for a full disk, an exhausted quota, or a file longer than the process may write (RLIMIT_FSIZE). */
const fullCodes: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && fullCodes.has(String(error.code));
}

/**
 * Returns DISK_FULL for a write that failed because no space is left, and any other error unchanged.
 *
 * @param where the end of the message, such as `in the cache folder …`; by default the path that the system reports
 */
export function diskError(error: unknown, where?: string): unknown {
  if (!isDiskFull(error)) return error;
  const { message, path } = error as NodeJS.ErrnoException;
  const place = where ?? (path === undefined ? undefined : `while writing ${path}`);
  return sharedError("DISK_FULL", place === undefined ? message : `no space left ${place}`, {
    cause: error,
  });
}
