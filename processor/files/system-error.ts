import { sharedError } from "../contract/shared-errors.js";
import { diskError } from "./disk-error.js";

/** What the system refuses for reasons outside the program, in words. */
export const systemReasons: ReadonlyMap<string, string> = new Map([
  ["EACCES", "permission denied"],
  ["EPERM", "permission denied"],
  ["EROFS", "the file system is read-only"],
  ["ELOOP", "its links lead in a circle"],
  ["ENOTDIR", "a file is in the place of a folder"],
  ["ENAMETOOLONG", "its name is too long"],
  ["EIO", "the disk or the file server reports a fault"],
  ["ESTALE", "the file server has lost it"],
  ["EMFILE", "too many files are open"],
  ["ENFILE", "too many files are open"],
]);

const writingCalls: ReadonlySet<string> = new Set(
  "mkdir mkdtemp rename rmdir unlink rm link symlink write ftruncate utime chmod".split(" "),
);

/**
 * Returns a code of the catalogue for an error of the file system that a user can correct, and any other error unchanged. The
 * outermost error handlers call it, in case the code that met the error did not. A missing file is not among them: the code that needs
 * it must say what it is for.
 */
export function systemError(thrown: unknown): unknown {
  const error = diskError(thrown);
  if (!(error instanceof Error) || !("syscall" in error)) return error;
  const { code = "", syscall = "", path } = error as NodeJS.ErrnoException;
  const reason = systemReasons.get(code);
  if (reason === undefined || path === undefined) return error;
  return writingCalls.has(syscall) || code === "EROFS"
    ? sharedError("OUTPUT_UNWRITABLE", `${path} cannot be written (${code}): ${reason}`, { cause: error })
    : sharedError("INPUT_NOT_FOUND", `${path} cannot be read (${code}): ${reason}`, { cause: error });
}
