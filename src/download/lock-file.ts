import { rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ProcessorError } from "../../processor/contract/errors.js";
import {
  type Checked,
  count,
  matching,
  orAbsent,
  record,
  recordOf,
  sha256Hex,
  version,
} from "../../processor/contract/json-check.js";
import { ownEntry } from "../../processor/contract/own-entry.js";
import { parseChecked } from "../../processor/contract/parse-checked.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { partialPathNextTo } from "../../processor/files/partial-path.js";
import { readTextFile, unreadable } from "../../processor/files/read-text-file.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { repeatedKey } from "../ground/untrusted/repeated-key.js";
import { withFileLock } from "./file-lock.js";
import { lockFileName } from "./lock-file-name.js";

/**
 * Returns the path of the lock file, which is in the folder of the config.json whose model and base image it
 * locks.
 */
export const lockFileNextTo = (configFile: string): string => join(dirname(configFile), lockFileName);

/** The properties of a downloaded archive at its first build. */
const lockedSource = record({
  sha256: sha256Hex,
  /** Size in bytes. */
  size: count,
});

export type LockedSource = Checked<typeof lockedSource>;

/** The contents of the lock file, which belongs in version control. */
const lockDocument = record({
  lockVersion: version(1),
  /** By address, as written in the config or the registry. */
  sources: recordOf(lockedSource),
  /** Digest of the manifest or index, by an image's name in its registry; absent in locks of older versions. */
  baseImages: orAbsent(
    recordOf(matching(/^sha256:[0-9a-f]{64}$/, "sha256: and 64 hexadecimal digits in lower case")),
  ),
});

type LockJson = Checked<typeof lockDocument>;

/** Returns the locked bytes of an address; null if it is not locked. */
export async function readLockedSource(lockFile: string, address: string): Promise<LockedSource | null> {
  const { sources } = await readLock(lockFile);
  return ownEntry(sources, address) ?? null;
}

/** Returns the digest of a base image at its first build; null if it is not locked. */
export async function readLockedBase(lockFile: string, imageName: string): Promise<string | null> {
  const { baseImages = {} } = await readLock(lockFile);
  return ownEntry(baseImages, imageName) ?? null;
}

/** The lock file to change, and what stops waiting for another process that changes it. */
export interface LockPlace {
  readonly lockFile: string;
  readonly signal: AbortSignal;
}

/**
 * Locks an address. Keeps an address that a simultaneous build locks at the same time.
 *
 * @throws OUTPUT_UNWRITABLE; LOCK_INVALID
 */
export const lockSource = (
  place: LockPlace,
  address: string,
  { sha256, size }: LockedSource,
): Promise<void> =>
  changeLock(place, (lock) => {
    const known = ownEntry(lock.sources, address);
    if (known?.sha256 === sha256 && known.size === size) return lock;
    return { ...lock, sources: sorted({ ...lock.sources, [address]: { sha256, size } }) };
  });

/**
 * Locks a base image to a digest. Keeps all existing entries.
 *
 * @throws OUTPUT_UNWRITABLE; LOCK_INVALID
 */
export const lockBase = (place: LockPlace, imageName: string, digest: string): Promise<void> =>
  changeLock(place, (lock) =>
    ownEntry(lock.baseImages ?? {}, imageName) === digest
      ? lock
      : { ...lock, baseImages: sorted({ ...lock.baseImages, [imageName]: digest }) },
  );

async function changeLock(
  { lockFile, signal }: LockPlace,
  change: (lock: LockJson) => LockJson,
): Promise<void> {
  const write = async (): Promise<void> => {
    const lock = await readLock(lockFile);
    const changed = change(lock);
    if (changed === lock) return;
    const partial = await partialPathNextTo(lockFile);
    await writeFile(partial, `${JSON.stringify(changed, null, 2)}\n`);
    await rename(partial, lockFile);
  };
  try {
    await withFileLock(`${lockFile}.writing`, write, { signal });
  } catch (error) {
    if (error instanceof ProcessorError) throw error;
    throw sharedError("OUTPUT_UNWRITABLE", `${lockFile} can't be written`, { cause: error });
  }
}

const sorted = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Far larger than any lock file. */
const maxBytes = 1 << 24;

async function readLock(lockFile: string): Promise<LockJson> {
  const text = await readTextFile(lockFile, maxBytes).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw invalid(lockFile, unreadable(error), error);
  });
  if (text === null) return { lockVersion: 1, sources: {} };
  const lock = parseChecked(text, lockDocument, (reason, cause) => invalid(lockFile, `it ${reason}`, cause));
  const repeated = repeatedKey(text);
  if (repeated !== null) throw invalid(lockFile, `it has two entries with the name ${repeated}`);
  return lock;
}

const invalid = (lockFile: string, what: string, cause?: unknown): ProcessorError =>
  builderError("LOCK_INVALID", `${lockFile}: ${what}`, { cause });
