import { appendFileSync } from "node:fs";
import { mkdtemp, open, readdir, readFile, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { removeAbandonedPartials } from "../../processor/files/partial-path.js";
import { hasEnded, processTag, processTagPattern } from "../../processor/files/process-tag.js";

/** The folder for one build's intermediate files. */
export interface BuildFolder {
  readonly path: string;
  /** The path of a file or folder that this build makes there. */
  place(name: string): string;
  /** Removes the build's own files, and the folders that were made for them, but nothing else. Removes nothing from a kept folder. */
  remove(): Promise<void>;
  /** Leaves all files for the user, and marks them so that no later build removes them as leftovers of a killed build. */
  keep(): Promise<void>;
}

/** A file with the `processTag` of its build and the names of the build's files. It is empty in a kept folder. */
const claimFile = ".build_processor";

/**
 * Opens a folder for one build, and creates it with its parents if it is missing. Removes leftovers of killed builds
 * first. If the folder then still contains files of another program or build, creates a new folder inside it.
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
    throw sharedError("OUTPUT_UNWRITABLE", `the build folder ${path} cannot be created or written to`, {
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

/** Removes the claim last, so that a later build can finish an interrupted removal. */
async function removePlaces(path: string, made: Iterable<string>): Promise<void> {
  for (const name of [...made, claimFile]) await rm(join(path, name), { recursive: true, force: true });
}

/** Removes leftovers of killed builds from the folder and from the builds' folders inside it. */
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
  await removeAbandonedPartials(path); // half-written files, which a build renames when they are complete
  await removePlaces(path, names.filter(isPlaceName));
  return true;
}

const claimTag = new RegExp(`^${processTagPattern}$`);

/** Builds write only names directly in the folder; other names in a claim file are not from a build. */
const isPlaceName = (name: string): boolean => /^[^/\\]+$/.test(name) && name !== "." && name !== "..";

/** Returns whether the folder was empty and now belongs to this build. Two simultaneous builds cannot both claim it. */
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

/** Removes a folder and the parents that were made for it, unless something else was put into them. */
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
