import { link, rename, stat } from "node:fs/promises";
import { sharedError } from "../../processor/contract/shared-errors.js";

/**
 * Refuses to write over a file, early: before the work that would end in it.
 *
 * @param why the rest of the sentence, for a file whose presence needs an explanation
 * @throws OUTPUT_EXISTS
 */
export async function requireAbsent(path: string, why = ""): Promise<void> {
  if ((await stat(path).catch(() => null)) !== null)
    throw sharedError("OUTPUT_EXISTS", `${path} is there already${why}`);
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
 * Gives a file that was written beside its place its name. A link, unlike a rename, never replaces a file that came in the
 * meantime; not every file system has links. The partial file may stay.
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
