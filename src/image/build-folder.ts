import { mkdtemp, open, readdir, rm, rmdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { ProcessorError } from "../../processor/errors.js";
import { makeFolder } from "../../processor/make-folder.js";

/** Where one build puts what it makes on the way. */
export interface BuildFolder {
  readonly path: string;
  /** The path of a file or folder that this build makes there. */
  place(name: string): string;
  /** Removes what the build was given a place for, and the folders that were made for it. Nothing else. */
  remove(): Promise<void>;
}

const claimFile = ".build_processor";

/**
 * Takes a folder for one build. It is made when it is missing, with its parents. When something lies in it
 * already, whether of another program or of another build, the build gets a new folder inside it.
 *
 * @throws OUTPUT_UNWRITABLE
 */
export async function openBuildFolder(wanted: string): Promise<BuildFolder> {
  const path = resolve(wanted);
  try {
    const firstMade = await makeFolder(path);
    if (await claim(path)) return folderAt(path, firstMade);
    const inside = await mkdtemp(join(path, "processor-"));
    return folderAt(inside, inside);
  } catch (cause) {
    throw new ProcessorError("OUTPUT_UNWRITABLE", `the build folder ${path} can't be made or written`, {
      cause,
    });
  }
}

function folderAt(path: string, firstMade: string | undefined): BuildFolder {
  const made = new Set([claimFile]);
  return {
    path,
    place: (name) => {
      made.add(name);
      return join(path, name);
    },
    remove: async () => {
      for (const name of made) await rm(join(path, name), { recursive: true, force: true });
      if (firstMade !== undefined) await removeEmpty(path, firstMade);
    },
  };
}

/** Whether the folder was empty and is this build's from now on; two builds at once can't both have it. */
async function claim(path: string): Promise<boolean> {
  if ((await readdir(path)).length > 0) return false;
  try {
    await (await open(join(path, claimFile), "wx")).close();
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
