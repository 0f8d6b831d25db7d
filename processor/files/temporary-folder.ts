import { lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasEnded, processTag, processTagPattern } from "./process-tag.js";

/**
 * Makes a folder that only this account can read, and that the caller removes. The first call for a parent removes the
 * folders that killed processes have left there.
 *
 * @param purpose a lower-case word for its name
 * @param parent null for the system's folder for temporary files
 */
export async function makeTemporaryFolder(purpose: string, parent: string | null): Promise<string> {
  const place = parent ?? tmpdir();
  let cleared = clearedPlaces.get(place);
  if (cleared === undefined) {
    cleared = removeAbandonedFolders(place);
    clearedPlaces.set(place, cleared);
  }
  await cleared;
  return mkdtemp(join(place, `nnunet-processor-${purpose}-${processTag()}-`));
}

const clearedPlaces = new Map<string, Promise<void>>();

const folderName = new RegExp(`^nnunet-processor-[a-z]+-(${processTagPattern})-[A-Za-z0-9]{6}$`);

/** Removes the temporary folders of this account whose processes have ended. */
export async function removeAbandonedFolders(place: string): Promise<void> {
  for (const name of await readdir(place).catch(() => [])) {
    const tag = folderName.exec(name)?.[1];
    if (tag === undefined) continue;
    const path = join(place, name);
    const found = await lstat(path).catch(() => null);
    if (found === null || !found.isDirectory() || found.uid !== process.getuid?.()) continue;
    // A folder that cannot be removed must not make this run fail.
    if (hasEnded(tag, found.mtimeMs)) await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}
