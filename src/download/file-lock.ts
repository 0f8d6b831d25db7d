import { randomUUID } from "node:crypto";
import { open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { performance } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { type Checked, record, text, wholeNumber } from "../../processor/contract/json-check.js";
import { parseOrNull } from "../../processor/contract/parse-checked.js";
import { sharedError } from "../../processor/contract/shared-errors.js";

export interface FileLockOptions {
  readonly signal: AbortSignal;
  /** Called once if another process holds the lock. */
  readonly onWait?: () => void;
}

const ownerShape = record({ pid: wholeNumber, host: text, token: text });

type Owner = Checked<typeof ownerShape>;

const heartbeatMs = 2000;
/** A lock whose heartbeat has not changed for this long belongs to a process that has ended. */
const staleMs = 15_000;
const pollMs = 100;
const forgottenMs = 3_600_000;

/**
 * Runs `action` while no other process uses this cache, by means of a lock file with a heartbeat. A lock of a
 * process that was killed is taken over: immediately on the same host, after 15 s on a shared disk.
 *
 * The lock avoids duplicate work and is not needed for correctness: the guarded files are written to
 * temporary names, renamed, and verified by digest.
 */
export async function withFileLock<T>(
  lockFile: string,
  action: () => Promise<T>,
  options: FileLockOptions,
): Promise<T> {
  const token = await acquire(lockFile, options);
  const heartbeat = setInterval(() => {
    const now = new Date();
    // fails only if the cache was removed, and then nothing is left to guard
    utimes(lockFile, now, now).catch(() => {});
  }, heartbeatMs);
  try {
    return await action();
  } finally {
    clearInterval(heartbeat);
    if ((await readOwner(lockFile))?.token === token) await rm(lockFile, { force: true });
  }
}

/**
 * Returns whether a living process holds a lock, without waiting for it. A heartbeat is valid for an hour,
 * because the clocks of hosts that share a disk differ.
 */
export async function isLockHeld(lockFile: string): Promise<boolean> {
  const beat = await stat(lockFile).catch(() => null);
  return beat !== null && !(await isOwnerGone(lockFile)) && Date.now() - beat.mtimeMs < forgottenMs;
}

async function acquire(lockFile: string, { signal, onWait }: FileLockOptions): Promise<string> {
  const owner: Owner = { pid: process.pid, host: hostname(), token: randomUUID() };
  let lastBeat: string | null = null;
  let standsSince = performance.now();
  for (let isFirst = true; ; isFirst = false) {
    if (await create(lockFile, owner)) return owner.token;
    const beat = await heartbeatOf(lockFile);
    if (beat !== lastBeat) standsSince = performance.now();
    lastBeat = beat;
    if (beat !== null && ((await isOwnerGone(lockFile)) || performance.now() - standsSince > staleMs)) {
      if ((await heartbeatOf(lockFile)) === beat) await takeAway(lockFile, owner.token);
      continue;
    }
    if (isFirst) onWait?.();
    await pause(signal);
  }
}

async function create(lockFile: string, owner: Owner): Promise<boolean> {
  try {
    const file = await open(lockFile, "wx");
    try {
      await file.writeFile(JSON.stringify(owner));
      return true;
    } catch (error) {
      // A lock without its owner would keep others waiting.
      await rm(lockFile, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/**
 * Returns a value that changes with every heartbeat and every owner; null if there is no lock. Only equality
 * matters, because the clocks of hosts differ.
 */
async function heartbeatOf(lockFile: string): Promise<string | null> {
  try {
    const { ino, mtimeMs } = await stat(lockFile);
    return `${ino}:${mtimeMs}`;
  } catch {
    return null;
  }
}

async function isOwnerGone(lockFile: string): Promise<boolean> {
  const owner = await readOwner(lockFile);
  if (owner === null || owner.host !== hostname()) return false;
  try {
    process.kill(owner.pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
}

/** Returns null if the file is gone, or if its owner is writing it. */
async function readOwner(lockFile: string): Promise<Owner | null> {
  const found = await readFile(lockFile, "utf8").catch(() => null);
  return found === null ? null : parseOrNull(found, ownerShape);
}

/** Takes the lock over by renaming, which succeeds for only one of several processes. */
async function takeAway(lockFile: string, token: string): Promise<void> {
  const aside = `${lockFile}.${token}`;
  try {
    await rename(lockFile, aside);
    await rm(aside, { force: true });
  } catch {
    // Another process took it over first.
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  try {
    await wait(pollMs, undefined, { signal });
  } catch (cause) {
    throw sharedError("INTERRUPTED", "stopped while another process works on the same files", {
      cause,
    });
  }
}
