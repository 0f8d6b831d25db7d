import { link, rename, stat } from "node:fs/promises";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { exists } from "../../../processor/files/exists.js";

/**
 * Refuses to overwrite a file, before the work whose result would replace it.
 *
 * @param why continues the message, for a file whose presence needs an explanation
 * @throws OUTPUT_EXISTS
 */
export async function requireAbsent(path: string, why = ""): Promise<void> {
  if (await exists(path)) throw sharedError("OUTPUT_EXISTS", `${path} already exists${why}`);
}

/**
 * Fails early if the path is something that a file cannot replace, such as a folder.
 *
 * @throws OUTPUT_EXISTS
 */
export async function requireReplaceable(path: string): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found !== null && !found.isFile())
    throw sharedError("OUTPUT_EXISTS", `${path} exists and is not a file`);
}

/**
 * Renames a complete temporary file to its final name. Uses a link where the file system supports it, because
 * a link, unlike a rename, never replaces a file that another process has created. The temporary file may
 * remain.
 *
 * @throws OUTPUT_EXISTS
 */
export async function putInPlace(partial: string, path: string): Promise<void> {
  try {
    await link(partial, path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (code === "EEXIST") await requireAbsent(path);
    if (!["EPERM", "ENOTSUP", "ENOSYS"].includes(code)) throw error;
    await requireAbsent(path);
    await rename(partial, path);
  }
}
