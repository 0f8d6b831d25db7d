import { open, rename, rm } from "node:fs/promises";
import { basename } from "node:path";
import { sharedError } from "../contract/shared-errors.js";
import { isDiskFull } from "./disk-error.js";
import { partialPathNextTo } from "./partial-path.js";

/**
 * Writes a file under a temporary name in the same folder and renames it, so that the file is either complete or
 * absent.
 *
 * @throws DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeFileWhole(
  path: string,
  parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  const partial = await partialPathNextTo(path);
  try {
    const file = await open(partial, "wx");
    try {
      for await (const part of parts) await file.writeFile(part);
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw outputError(path, error);
  }
}

/** Returns an error that a user can correct for errors of the file system, and any other error unchanged. */
export function outputError(path: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (isDiskFull(error)) {
    return sharedError("DISK_FULL", `no space left while writing ${path}`, { cause: error });
  }
  if (code === "ENAMETOOLONG") {
    const bytes = Buffer.byteLength(basename(path));
    return sharedError(
      "OUTPUT_UNWRITABLE",
      `${path} cannot be written: its name has ${bytes} bytes, but most file systems allow 255; give the case or the folder a shorter name`,
      { cause: error },
    );
  }
  if (
    code !== undefined &&
    ["EACCES", "EROFS", "EPERM", "ENOTDIR", "EISDIR", "ENOENT", "EEXIST"].includes(code)
  ) {
    return sharedError("OUTPUT_UNWRITABLE", `${path} cannot be written (${code})`, { cause: error });
  }
  return error;
}
