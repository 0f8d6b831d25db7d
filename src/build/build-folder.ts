import { appendFileSync } from "node:fs";
import { mkdtemp, open, readdir, readFile, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { removeAbandonedPartials } from "../../processor/files/partial-path.js";
import { hasEnded, processTag, processTagPattern } from "../../processor/files/process-tag.js";

/** Where one build puts what it makes on the way. */
export interface BuildFolder {
  readonly path: string;
  /** The path of a file or folder that this build makes there. */
  place(name: string): string;
  /** Removes what the build was given a place for, and the folders that were made for it. Nothing else; nothing at all in a kept folder. */
  remove(): Promise<void>;
  /** Leaves everything there for the user: no later build takes it for the rest of one that was killed. */
  keep(): Promise<void>;
}

/** Holds the `processTag` of its build, then the names of what the build makes there; it is empty in a kept folder. */
const claimFile = ".build_processor";

/**
 * Takes a folder for one build. It is made when it is missing, with its parents. When something lies in it
 * already, whether of another program or of another build, the build gets a new folder inside it. What a build that was
 * killed has left there is removed first.
 *
 * @throws OUTPUT_UNWRITABLE
 */
export async function openBuildFolder(wanted: string): Promise<BuildFolder> {
  const path = resolve(wanted);
  try {
    const firstMade = await makeFolder(path);
    await removeAbandoned(path);
    if (await claim(path)) return folderAt(path, firstMade);
    const inside = await mkdtemp(join(path, insidePrefix));
    await claim(inside);
    return folderAt(inside, inside);
  } catch (cause) {
    throw sharedError("OUTPUT_UNWRITABLE", `the build folder ${path} can't be made or written`, {
      cause,
    });
  }
}

/**
 * Works with a build folder, and removes it afterwards if it is not kept.
 *
 * @throws OUTPUT_UNWRITABLE; what `work` throws
 */
export async function withBuildFolder<T>(
  wanted: string,
  { isKept }: { readonly isKept: boolean },
  work: (folder: BuildFolder) => Promise<T>,
): Promise<T> {
  const folder = await openBuildFolder(wanted);
  try {
    return await work(folder);
  } finally {
    await (isKept ? folder.keep() : folder.remove());
  }
}

const insidePrefix = "processor-";

function folderAt(path: string, firstMade: string | undefined): BuildFolder {
  const made = new Set<string>();
  let isKept = false;
  return {
    path,
    place: (name) => {
      if (!made.has(name)) appendFileSync(join(path, claimFile), `${name}\n`);
      made.add(name);
      return join(path, name);
    },
    remove: async () => {
      if (isKept) return;
      await removePlaces(path, made);
      if (firstMade !== undefined) await removeEmpty(path, firstMade);
    },
    keep: async () => {
      await writeFile(join(path, claimFile), "");
      isKept = true;
    },
  };
}

/** The claim goes last, so that a removal that is broken off can be finished. */
async function removePlaces(path: string, made: Iterable<string>): Promise<void> {
  for (const name of [...made, claimFile]) await rm(join(path, name), { recursive: true, force: true });
}

/** Removes the rest of killed builds: of one that had the folder, and of those that had folders inside it. */
async function removeAbandoned(path: string): Promise<void> {
  for (const name of await readdir(path)) {
    if (!name.startsWith(insidePrefix)) continue;
    const inside = join(path, name);
    if (await removeIfAbandoned(inside)) await rmdir(inside).catch(() => {}); // not empty: somebody added something
  }
  await removeIfAbandoned(path);
}

async function removeIfAbandoned(path: string): Promise<boolean> {
  const file = join(path, claimFile);
  const [text, found] = await Promise.all([
    readFile(file, "utf8").catch(() => ""),
    stat(file).catch(() => null),
  ]);
  const [tag = "", ...names] = text.split("\n");
  if (found === null || !claimTag.test(tag) || !hasEnded(tag, found.mtimeMs)) return false;
  await removeAbandonedPartials(path); // what was to be renamed to one of the places
  await removePlaces(path, names.filter(isPlaceName));
  return true;
}

const claimTag = new RegExp(`^${processTagPattern}$`);

/** A place is directly in the folder; anything else was not written by a build. */
const isPlaceName = (name: string): boolean => /^[^/\\]+$/.test(name) && name !== "." && name !== "..";

/** Whether the folder was empty and is this build's from now on; two builds at once can't both have it. */
async function claim(path: string): Promise<boolean> {
  if ((await readdir(path)).length > 0) return false;
  try {
    const file = await open(join(path, claimFile), "wx");
    await file.writeFile(`${processTag()}\n`).finally(() => file.close());
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** A folder goes with the parents that were made for it, unless somebody put something there in the meantime. */
async function removeEmpty(path: string, firstMade: string): Promise<void> {
  for (let folder = path; folder.startsWith(firstMade); folder = dirname(folder)) {
    try {
      await rmdir(folder);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOTEMPTY") return;
      throw error;
    }
  }
}
