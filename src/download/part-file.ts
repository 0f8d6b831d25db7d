import { createHash } from "node:crypto";
import { type FileHandle, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { type Checked, count, orNull, record, sha256Hex, text } from "../../processor/contract/json-check.js";
import { parseOrNull } from "../../processor/contract/parse-checked.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { isDiskFull } from "../../processor/files/disk-error.js";

/** The version of the file that a part belongs to. */
const partNote = record({
  /** A digest instead of the address, which may contain secrets. */
  urlSha256: sha256Hex,
  etag: orNull(text),
  lastModified: orNull(text),
  totalBytes: orNull(count),
});

export type PartNote = Checked<typeof partNote>;

/** The bytes of an unfinished download, with the note next to them. */
export interface Part {
  readonly size: number;
  readonly note: PartNote;
}

export interface PartPlace {
  readonly url: URL;
  /**
   * The file that collects the bytes. After a failure it remains, with a note of the version next to it, so
   * that the download can continue.
   */
  readonly partFile: string;
  /**
   * True if a digest is checked afterwards. A part may then be continued even if the server names no version.
   */
  readonly isVerifiedLater: boolean;
}

/** Returns a digest of an address, for a note. */
export const addressDigest = (url: URL): string => createHash("sha256").update(url.href).digest("hex");

/**
 * Returns the part of an earlier attempt if the download can be continued from it; else removes it and returns null.
 */
export async function readPart({ partFile, url, isVerifiedLater }: PartPlace): Promise<Part | null> {
  const size = await stat(partFile).then(
    (found) => found.size,
    () => 0,
  );
  const json = await readFile(noteFile(partFile), "utf8").catch(() => "");
  const note = parseOrNull(json, partNote);
  if (note !== null && size > 0 && note.urlSha256 === addressDigest(url))
    if (validatorOf(note) !== null || isVerifiedLater) return { size, note };
  await discardPart(partFile);
  return null;
}

/**
 * Returns a validator for If-Range, which is a strong ETag or a date. A weak ETag does not guarantee the same
 * bytes.
 */
export function validatorOf(note: PartNote): string | null {
  if (note.etag !== null && !note.etag.startsWith("W/")) return note.etag;
  return note.lastModified;
}

/** Removes a part and its note. */
export async function discardPart(partFile: string): Promise<void> {
  await rm(partFile, { force: true });
  await rm(noteFile(partFile), { force: true });
}

const noteFile = (partFile: string) => `${partFile}.json`;

/** Opens a part to write from `start`: the part of an earlier attempt, or a new one with its note. */
export async function openPart(partFile: string, start: number, note: PartNote): Promise<FileHandle> {
  if (start > 0) return open(partFile, "r+");
  const file = await open(partFile, "w");
  await writeFile(noteFile(partFile), JSON.stringify(note));
  return file;
}

/** @throws DISK_FULL */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  try {
    for (let written = 0; written < bytes.byteLength; ) {
      const { bytesWritten } = await file.write(
        bytes,
        written,
        bytes.byteLength - written,
        position + written,
      );
      written += bytesWritten;
    }
  } catch (cause) {
    if (isDiskFull(cause)) throw sharedError("DISK_FULL", "no space left while downloading", { cause });
    throw cause;
  }
}
