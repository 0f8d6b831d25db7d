import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { partialPathNextTo } from "../../../processor/files/partial-path.js";
import { putInPlace, requireAbsent } from "./output-file.js";
import { hashing, StreamHash } from "./stream-hash.js";
import { withCount } from "./with-count.js";
import { writeFlushed } from "./write-flushed.js";

export interface OutputPlace {
  readonly path: string;
  /** The path at which the file is written; differs from `path` if it is renamed later, together with others. */
  readonly writtenTo?: string;
  readonly signal: AbortSignal;
}

/** A written file with its digest. */
export interface DigestedFile {
  readonly path: string;
  readonly bytes: number;
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string;
}

/**
 * Writes a stream to a temporary file next to the path, and renames the file when it is complete. Never replaces an
 * existing file.
 *
 * @throws OUTPUT_EXISTS; the signal's reason if aborted; else what the stream or the disk throws
 */
export async function writeDigested(
  stream: AsyncIterable<Uint8Array>,
  { path, writtenTo = path, signal }: OutputPlace,
): Promise<DigestedFile> {
  await requireAbsent(writtenTo);
  await makeFolder(dirname(path));
  const partial = await partialPathNextTo(path);
  const hash = new StreamHash();
  let bytes = 0;
  try {
    const counted = withCount(stream, (length) => {
      bytes += length;
    });
    await writeFlushed(partial, hashing(counted, hash), signal);
    const sha256 = await hash.digest();
    await putInPlace(partial, writtenTo);
    return { path, bytes, sha256 };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    hash.drop();
    await rm(partial, { force: true });
  }
}
