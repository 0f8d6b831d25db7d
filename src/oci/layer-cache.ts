import { randomUUID } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Progress } from "../../processor/contract/progress/progress.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { isLockHeld, withFileLock } from "../download/file-lock.js";
import { BlobCache } from "./blob-cache.js";

export interface LayerCacheOptions {
  readonly folder: string;
  /** Maximum total size of the layers that remain afterwards. */
  readonly limitBytes: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Calls a function with the layer cache. Afterwards removes the least recently used layers until the rest
 * fits the limit, but only if no other process uses the cache. A layer that a build has found therefore
 * remains until the build ends.
 */
export async function withLayerCache<T>(
  options: LayerCacheOptions,
  work: (cache: BlobCache) => Promise<T>,
): Promise<T> {
  const { folder, progress, signal } = options;
  const cache = await BlobCache.open(folder);
  await makeFolder(usersFolder(folder), 0o700);
  try {
    const use = async (): Promise<T> => {
      // Avoids a race: the remover checks for users after it has the lock, and a user checks the lock after
      // it has registered.
      await withFileLock(removingLock(folder), () => Promise.resolve(), { signal });
      return await work(cache);
    };
    return await withFileLock(join(usersFolder(folder), randomUUID()), use, { signal });
  } finally {
    if (!signal.aborted)
      await withFileLock(removingLock(folder), () => shrink(options), { signal }).catch((error: Error) =>
        progress.note(`the cache ${folder} could not be made smaller: ${error.message}`),
      );
  }
}

const usersFolder = (folder: string): string => join(folder, "users");
const removingLock = (folder: string): string => join(folder, "removing.lock");

async function shrink({ folder, limitBytes, progress }: LayerCacheOptions): Promise<void> {
  for (const user of await readdir(usersFolder(folder))) {
    const file = join(usersFolder(folder), user);
    if (await isLockHeld(file)) return;
    await rm(file, { force: true });
  }
  // No other process is writing, so these files are from a process that was killed.
  for (const file of await filesOf(join(folder, "partial"))) await rm(file.path, { force: true });
  const blobs = (await filesOf(join(folder, "blobs"))).toSorted((a, b) => a.lastUsedMs - b.lastUsedMs);
  let bytes = blobs.reduce((sum, blob) => sum + blob.bytes, 0);
  const before = bytes;
  while (bytes > limitBytes) {
    const oldest = blobs.shift()!;
    await rm(oldest.path, { force: true });
    bytes -= oldest.bytes;
  }
  if (bytes === before) return;
  // Records that were not used since the last use of the oldest remaining layer refer to layers that were
  // removed.
  const keptSinceMs = blobs[0]?.lastUsedMs ?? Number.POSITIVE_INFINITY;
  for (const record of await filesOf(join(folder, "records")))
    if (record.lastUsedMs < keptSinceMs) await rm(record.path, { force: true });
  progress.note(
    `removed layers of ${inGigabytes(before - bytes)} from the cache ${folder}, ${inGigabytes(bytes)} stay`,
  );
}

const inGigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

interface CacheFile {
  readonly path: string;
  readonly bytes: number;
  readonly lastUsedMs: number;
}

async function filesOf(folder: string): Promise<readonly CacheFile[]> {
  const files: CacheFile[] = [];
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    if (found?.isFile() === true) files.push({ path, bytes: found.size, lastUsedMs: found.mtimeMs });
  }
  return files;
}
