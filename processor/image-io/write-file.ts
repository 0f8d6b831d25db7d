import { randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isDiskFull } from "../disk-error.js";
import { ProcessorError } from "../errors.js";

/**
 * Writes a file beside its place and renames it: under its own name it is either complete or absent.
 *
 * @throws DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeFileWhole(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const partial = partialPathBeside(path);
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

/**
 * Returns a hidden name in the same folder, for a file that is renamed when it is complete. The name is short, because the
 * final name may already be as long as the file system allows.
 */
export const partialPathBeside = (path: string): string =>
  join(dirname(path), `.partial-${randomBytes(8).toString("hex")}`);

/** The disk's own errors as mistakes that a user can mend; others as they are. */
export function outputError(path: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (isDiskFull(error)) {
    return new ProcessorError("DISK_FULL", `no space left while writing ${path}`, { cause: error });
  }
  if (code === "ENAMETOOLONG") {
    const bytes = Buffer.byteLength(basename(path));
    return new ProcessorError(
      "OUTPUT_UNWRITABLE",
      `${path} cannot be written: its name has ${bytes} bytes, but most file systems allow 255; give the case or the folder a shorter name`,
      { cause: error },
    );
  }
  if (code !== undefined && ["EACCES", "EROFS", "EPERM", "ENOTDIR", "ENOENT", "EEXIST"].includes(code)) {
    return new ProcessorError("OUTPUT_UNWRITABLE", `${path} cannot be written (${code})`, { cause: error });
  }
  return error;
}
