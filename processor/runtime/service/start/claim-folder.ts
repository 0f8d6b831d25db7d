import { randomBytes } from "node:crypto";
import { link, open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { makeFolder } from "../../../files/make-folder.js";
import { hasEnded, processTag } from "../../../files/process-tag.js";
import { outputError } from "../../../files/write-file.js";
import { serviceError } from "../errors.js";

const fileName = "server.lock";
const refreshMs = 5000;
/** A lock from another container, whose processes cannot be seen from here, is valid until it is this old. */
const forgottenMs = 20_000;
const pollMs = 1000;

/**
 * Takes a folder for this server alone. A server that has ended without releasing it does not count; if it ran in another
 * container, this waits until its lock is old.
 *
 * @returns a function that releases the folder
 * @throws FOLDER_IN_USE, OUTPUT_UNWRITABLE
 */
export async function claimFolder(folder: string, signal: AbortSignal): Promise<() => Promise<void>> {
  await makeFolder(folder, 0o700);
  const path = join(folder, fileName);
  const own = `${path}.${randomBytes(4).toString("hex")}`;
  try {
    const file = await open(own, "wx", 0o600);
    await file.writeFile(processTag());
    await file.close();
    const end = performance.now() + forgottenMs + 2 * pollMs;
    while (!(await linked(own, path))) {
      const state = await stateOf(path);
      if (state.is === "abandoned") await remove(path, state.tag);
      else if (state.is === "held" && (!state.isElsewhere || performance.now() > end))
        throw serviceError("FOLDER_IN_USE", `another server (${state.tag}) uses the folder ${folder}`);
      else await wait(pollMs, undefined, { signal });
    }
  } catch (error) {
    throw outputError(path, error);
  } finally {
    await rm(own, { force: true });
  }
  const refreshing = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, refreshMs);
  refreshing.unref();
  return async () => {
    clearInterval(refreshing);
    await rm(path, { force: true });
  };
}

/** A link appears whole or not at all, unlike a file that is written. */
async function linked(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

type LockState =
  | { readonly is: "gone" }
  | { readonly is: "abandoned"; readonly tag: string }
  | { readonly is: "held"; readonly tag: string; readonly isElsewhere: boolean };

async function stateOf(path: string): Promise<LockState> {
  const tag = await readFile(path, "utf8").catch(() => null);
  const info = await stat(path).catch(() => null);
  if (tag === null || info === null) return { is: "gone" };
  const isElsewhere = tag.split("-")[0] !== processTag().split("-")[0];
  const isAbandoned = isElsewhere ? Date.now() - info.mtimeMs > forgottenMs : hasEnded(tag, info.mtimeMs);
  return isAbandoned ? { is: "abandoned", tag } : { is: "held", tag, isElsewhere };
}

/** Removes a lock, and puts it back if another server has taken the folder in the meantime. */
async function remove(path: string, tag: string): Promise<void> {
  const aside = `${path}.${randomBytes(4).toString("hex")}`;
  await rename(path, aside).catch(() => {});
  const found = await readFile(aside, "utf8").catch(() => null);
  if (found !== null && found !== tag) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}
