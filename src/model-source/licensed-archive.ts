import { ProcessorError } from "../../processor/contract/errors.js";
import { lockSource, readLockedSource } from "../download/lock-file.js";
import { builderError } from "../ground/errors/builder-errors.js";
import type { StoredFile } from "./content-store.js";
import type { SourceContext } from "./open-model-source.js";

export interface LicensedArchive {
  readonly server: URL;
  /** The task under whose name the server has the weights. */
  readonly task: string;
  /** The name of the weights' folder, which tells archives apart. */
  readonly folder: string;
  /** The user's own licence number, which is in no message and no file. */
  readonly number: string;
}

/** The version of TotalSegmentator whose weights the server gives. */
const version = "2.18.0";

/**
 * Downloads weights from TotalSegmentator's licence server, and compares them with processor.lock.json, which records
 * their digest the first time.
 */
export async function fetchLicensedArchive(
  { server, task, folder, number }: LicensedArchive,
  { lockFile, store, downloads, http }: SourceContext,
): Promise<StoredFile> {
  const label = `${folder}.zip`;
  const lockName = `totalsegmentator-licence:${label}`;
  const locked = lockFile === null ? null : await readLockedSource(lockFile, lockName);
  const cached = locked === null ? null : await store.find(locked.sha256, label);
  if (cached !== null) return cached;
  const archive = await downloads
    .obtain({
      // The part after # is not sent; it gives each archive its own place in the cache.
      url: new URL(`download_weights#${folder}`, server),
      label,
      published: null,
      lockedSha256: locked?.sha256 ?? null,
      postedJson: { license_number: number, task, version },
    })
    .catch((error: unknown) => {
      throw asRefusal(error, task);
    });
  if (lockFile !== null) await lockSource({ lockFile, signal: http.signal }, lockName, archive);
  return archive;
}

/** A server that does not accept a number answers with an error, or with JSON instead of an archive. */
function asRefusal(error: unknown, task: string): unknown {
  if (!(error instanceof ProcessorError)) return error;
  const isRefusal = error.code === "DOWNLOAD_NOT_ARCHIVE" || / 4\d\d\b/.test(error.message);
  if (!isRefusal) return error;
  return builderError(
    "TOTALSEG_LICENCE",
    `the licence server gave no weights of the task ${task} for this number: ${error.message}`,
    { cause: error },
  );
}
