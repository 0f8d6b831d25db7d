import { randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ProcessorError } from "../errors.js";

/**
 * Writes a file beside its place and renames it: under its own name it is either complete or absent.
 *
 * @throws DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeFileWhole(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const partial = join(dirname(path), `.${basename(path)}.partial-${randomBytes(4).toString("hex")}`);
  try {
    const file = await open(partial, "wx");
    try {
      for (const part of parts) await file.writeFile(part);
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw outputError(path, error);
  }
}

/** The disk's own errors as mistakes that a user can mend; others as they are. */
export function outputError(path: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new ProcessorError("DISK_FULL", `no space left while writing ${path}`, { cause: error });
  }
  if (code !== undefined && ["EACCES", "EROFS", "EPERM", "ENOTDIR", "ENOENT", "EEXIST"].includes(code)) {
    return new ProcessorError("OUTPUT_UNWRITABLE", `${path} cannot be written (${code})`, { cause: error });
  }
  return error;
}
