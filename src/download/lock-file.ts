import { readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ProcessorError } from "../../processor/contract/errors.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { partialPathBeside } from "../../processor/files/partial-path.js";
import { builderError } from "../errors/builder-errors.js";
import { withFileLock } from "./file-lock.js";

export const lockFileName = "processor.lock.json";

/** It belongs beside the config.json whose model and base image it locks. */
export const lockFileBeside = (configFile: string): string => join(dirname(configFile), lockFileName);

/** What a downloaded archive was when it was first built with. */
export interface LockedSource {
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

/** Belongs into version control. */
interface LockJson {
  readonly lockVersion: 1;
  /** By address, as the config or the registry names it. */
  readonly sources: Readonly<Record<string, LockedSource>>;
  /** Digest of the manifest or index, by an image's name in its registry; absent in locks of older versions. */
  readonly baseImages?: Readonly<Record<string, string>>;
}

/** The locked bytes of an address; null when it is not locked. */
export async function readLockedSource(lockFile: string, address: string): Promise<LockedSource | null> {
  const { sources } = await readLock(lockFile);
  return Object.hasOwn(sources, address) ? sources[address]! : null;
}

/** The digest that a base image had when it was first built on; null when it is not locked. */
export async function readLockedBase(lockFile: string, imageName: string): Promise<string | null> {
  const { baseImages = {} } = await readLock(lockFile);
  return Object.hasOwn(baseImages, imageName) ? baseImages[imageName]! : null;
}

/**
 * Locks an address. Another address that a build beside this one locks at the same time is kept.
 *
 * @throws OUTPUT_UNWRITABLE; LOCK_INVALID
 */
export const lockSource = (
  lockFile: string,
  address: string,
  { sha256, size }: LockedSource,
): Promise<void> =>
  changeLock(lockFile, (lock) => {
    const known = Object.hasOwn(lock.sources, address) ? lock.sources[address] : undefined;
    if (known?.sha256 === sha256 && known.size === size) return lock;
    return { ...lock, sources: sorted({ ...lock.sources, [address]: { sha256, size } }) };
  });

/**
 * Locks a base image to a digest, beside everything that is locked already.
 *
 * @throws OUTPUT_UNWRITABLE; LOCK_INVALID
 */
export const lockBase = (lockFile: string, imageName: string, digest: string): Promise<void> =>
  changeLock(lockFile, (lock) =>
    Object.hasOwn(lock.baseImages ?? {}, imageName) && lock.baseImages?.[imageName] === digest
      ? lock
      : { ...lock, baseImages: sorted({ ...lock.baseImages, [imageName]: digest }) },
  );

async function changeLock(lockFile: string, change: (lock: LockJson) => LockJson): Promise<void> {
  try {
    await withFileLock(`${lockFile}.writing`, async () => {
      const lock = await readLock(lockFile);
      const changed = change(lock);
      if (changed === lock) return;
      const beside = await partialPathBeside(lockFile);
      await writeFile(beside, `${JSON.stringify(changed, null, 2)}\n`);
      await rename(beside, lockFile);
    });
  } catch (error) {
    if (error instanceof ProcessorError) throw error;
    throw sharedError("OUTPUT_UNWRITABLE", `${lockFile} can't be written`, { cause: error });
  }
}

const sorted = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

async function readLock(lockFile: string): Promise<LockJson> {
  const text = await readFile(lockFile, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw builderError("LOCK_INVALID", `${lockFile} can't be read`, { cause: error });
  });
  if (text === null) return { lockVersion: 1, sources: {} };
  const json = parse(text, lockFile);
  if (!isLock(json)) throw builderError("LOCK_INVALID", `${lockFile} is not a lock file of version 1`);
  return json;
}

function parse(text: string, lockFile: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw builderError("LOCK_INVALID", `${lockFile}: ${reason}`, { cause });
  }
}

function isLock(json: unknown): json is LockJson {
  if (!isObject(json) || json.lockVersion !== 1 || !isObject(json.sources)) return false;
  const { baseImages = {} } = json;
  if (!isObject(baseImages) || !Object.values(baseImages).every(isDigest)) return false;
  return Object.values(json.sources).every(
    (source) =>
      isObject(source) &&
      typeof source.sha256 === "string" &&
      /^[0-9a-f]{64}$/.test(source.sha256) &&
      Number.isSafeInteger(source.size),
  );
}

const isDigest = (value: unknown): boolean =>
  typeof value === "string" && /^sha256:[0-9a-f]{64}$/.test(value);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
