import { randomBytes } from "node:crypto";
import { lstat, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hasEnded, processTag, processTagPattern } from "./process-tag.js";

/**
 * Returns a hidden name in the same folder, for a file or folder that is renamed when it is complete. It is short,
 * because the final name may already be as long as the file system allows.
 *
 * The first call for a folder removes the partial files that killed processes have left there.
 */
export async function partialPathNextTo(path: string): Promise<string> {
  const folder = dirname(path);
  let cleared = clearedFolders.get(folder);
  if (cleared === undefined) {
    cleared = removeAbandonedPartials(folder);
    clearedFolders.set(folder, cleared);
  }
  await cleared;
  return newPartialPath(path);
}

/** Returns such a name without removing the partial files of other processes. */
export const newPartialPath = (path: string): string =>
  join(dirname(path), `.partial-${processTag()}-${randomBytes(4).toString("hex")}`);

/** The folders that were searched. Each is searched only once, because a run may write a thousand files there. */
const clearedFolders = new Map<string, Promise<void>>();

const partialName = new RegExp(`^\\.partial-(${processTagPattern})-[0-9a-f]{8}(?:\\.[a-z]+)?$`);

/** Removes the partial files and folders in this folder whose processes have ended. */
export async function removeAbandonedPartials(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const tag = partialName.exec(name)?.[1];
    if (tag === undefined) continue;
    const path = join(folder, name);
    const found = await lstat(path).catch(() => null);
    if (found === null || !hasEnded(tag, found.mtimeMs)) continue;
    // A file that can't be removed, because it belongs to another account, must not make this run fail.
    await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}
