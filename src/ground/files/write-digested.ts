import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { partialPathNextTo } from "../../../processor/files/partial-path.js";
import { putInPlace, requireAbsent } from "./output-file.js";

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
  const hash = createHash("sha256");
  let bytes = 0;
  async function* digested(): AsyncGenerator<Uint8Array> {
    for await (const chunk of stream) {
      hash.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
  }
  try {
    await pipeline(digested, createWriteStream(partial, { flags: "wx", flush: true }), { signal });
    await putInPlace(partial, writtenTo);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    await rm(partial, { force: true });
  }
  return { path, bytes, sha256: hash.digest("hex") };
}
