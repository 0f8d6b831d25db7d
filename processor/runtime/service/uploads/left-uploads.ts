import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Checked, count, orNull, record, text } from "../../../contract/json-check.js";
import { parseOrNull } from "../../../contract/parse-checked.js";
import { readTextFile } from "../../../files/read-text-file.js";

/** The file of an upload's bytes, in the folder that has the upload's id as its name. */
export const contentName = "file";
const noteName = "upload.json";
const verifiedName = "verified";
const maxNoteBytes = 1 << 16;

const note = record({ id: text, name: text, client: text, bytes: count, sha256: orNull(text) });

type UploadNote = Checked<typeof note>;

/** Writes what a later server must know of an upload besides its bytes. */
export const noteUpload = (folder: string, { id, name, client, bytes, sha256 }: UploadNote): Promise<void> =>
  writeFile(join(folder, noteName), JSON.stringify({ id, name, client, bytes, sha256 }), { mode: 0o600 });

/** Notes that the digest of a whole file is the announced one. */
export const noteVerified = (folder: string): Promise<void> =>
  writeFile(join(folder, verifiedName), "", { mode: 0o600 });

/** Reads an upload that an earlier server left; null if there is none, or a whole one that was not compared with its digest. */
export async function leftUpload(
  folder: string,
  id: string,
): Promise<(UploadNote & { readonly received: number; readonly ageMs: number }) | null> {
  const written = await readTextFile(join(folder, noteName), maxNoteBytes).catch(() => null);
  const found = written === null ? null : parseOrNull(written, note);
  const content = await stat(join(folder, contentName)).catch(() => null);
  if (found === null || found.id !== id || content === null || content.size > found.bytes) return null;
  const isVerified = (await stat(join(folder, verifiedName)).catch(() => null)) !== null;
  if (content.size === found.bytes && found.sha256 !== null && !isVerified) return null;
  return { ...found, received: content.size, ageMs: Math.max(0, Date.now() - content.mtimeMs) };
}

/** Returns the digest of the first bytes of a file, to which more can be added. */
export async function digestOf(path: string, bytes: number): Promise<Hash> {
  const hash = createHash("sha256");
  if (bytes === 0) return hash;
  for await (const part of createReadStream(path, { end: bytes - 1, highWaterMark: 1 << 20 }))
    hash.update(part as Buffer);
  return hash;
}
