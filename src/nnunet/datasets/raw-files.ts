import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { crc32 } from "node:zlib";
import { regularFileBytes } from "../../../processor/files/read-text-file.js";
import { whyUnreadable } from "../../../processor/files/why-unreadable.js";
import { isGzip } from "../../../processor/imaging/formats/byte-source.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { someOf } from "../../ground/some-of.js";
import { readJsonObject } from "../files/read-json.js";
import { writePythonJson } from "../files/write-json.js";
import { type ImageReaderName, isReaderName } from "./image-reader.js";

/** A raw file as it was when the fingerprint was made. */
export interface FileState {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly checksum: string;
}

/** The file in the preprocessed folder that says which raw files the fingerprint was made of. nnU-Net ignores it. */
const rawFilesFile = "raw_files.json";

/** @throws DATASET_INVALID if a file is missing, or cannot be read */
export async function fileStates(paths: readonly string[]): Promise<readonly FileState[]> {
  const states: FileState[] = [];
  for (const path of paths) {
    try {
      const { size, mtimeMs } = await stat(path);
      states.push({ path, bytes: size, modifiedMs: Math.floor(mtimeMs), checksum: await checksumOf(path) });
    } catch (cause) {
      throw nnunetError("DATASET_INVALID", `${path}${await whyUnreadable(path, cause)}`, { cause });
    }
  }
  return states;
}

/**
 * Returns what differs if the file has other bytes of the same number: the checksum and the length at the end of gzip data, else
 * a checksum of all bytes. Gzip data that inflate to fewer bytes than the file has are the last of several parts, or other bytes
 * after the data: they say nothing about what comes before. Such a file is hashed, because it may hold data that are stored as they
 * are and then their CRC-32; together these always have the same CRC-32.
 */
async function checksumOf(path: string): Promise<string> {
  if (await isGzip(path)) return (await gzipEnd(path)) ?? digestOf(path);
  let checksum = 0;
  for await (const chunk of regularFileBytes(path)) checksum = crc32(chunk, checksum);
  return checksum.toString(16).padStart(8, "0");
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of regularFileBytes(path)) hash.update(chunk);
  return hash.digest("hex");
}

/** CRC-32 and length of what was compressed. */
const gzipEndBytes = 8;

/** Returns the end of gzip data; null if it does not stand for the whole file. */
async function gzipEnd(path: string): Promise<string | null> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const position = Math.max(0, size - gzipEndBytes);
    const { buffer: end } = await file.read({ buffer: Buffer.alloc(gzipEndBytes), position });
    return end.readUInt32LE(4) < size ? null : end.toString("hex");
  } finally {
    await file.close();
  }
}

/**
 * Writes which files the fingerprint was made of, with paths from the raw folder.
 *
 * @param reader the reader that was found by reading the first image; null if dataset.json names it
 */
export const saveRawFiles = (
  { preprocessedFolder, rawFolder }: { readonly preprocessedFolder: string; readonly rawFolder: string },
  files: readonly FileState[],
  reader: ImageReaderName | null,
): Promise<void> =>
  writePythonJson(
    join(preprocessedFolder, rawFilesFile),
    {
      reader,
      files: new Map(
        files.map(({ path, bytes, modifiedMs, checksum }) => [
          relative(rawFolder, path),
          { bytes, modifiedMs, checksum },
        ]),
      ),
    },
    { sortKeys: false },
  );

/**
 * Returns the reader that `chooseReader` found for the fingerprint, so that unchanged images need not be read again; null
 * if it is unknown.
 */
export async function foundReader(preprocessedFolder: string): Promise<ImageReaderName | null> {
  const reader = (await readJsonObject(join(preprocessedFolder, rawFilesFile)))?.get("reader");
  return isReaderName(reader) ? reader : null;
}

/**
 * Returns how the raw data differ from those of the fingerprint: files that are new, missing or changed. A file with another
 * date, but with the same bytes, has not changed.
 *
 * @param present the files that the data set has now
 * @returns null if nothing is known about the files, as for a fingerprint that nnU-Net made
 */
export async function changedRawFiles(
  preprocessedFolder: string,
  rawFolder: string,
  present: readonly string[],
): Promise<readonly string[] | null> {
  const raw = await readJsonObject(join(preprocessedFolder, rawFilesFile));
  const known = raw?.get("files");
  if (!(known instanceof Map)) return null;
  const changes: string[] = [];
  const names = new Map(present.map((path) => [relative(rawFolder, path), path]));
  for (const name of known.keys() as Iterable<string>)
    if (!names.has(name)) changes.push(`${name} is missing`);
  for (const [name, path] of names) {
    const before = known.get(name) as unknown;
    if (!(before instanceof Map)) changes.push(`${name} is new`);
    else if (!(await isSame(path, before as ReadonlyMap<string, unknown>)))
      changes.push(`${name} has changed`);
  }
  return changes;
}

async function isSame(path: string, before: ReadonlyMap<string, unknown>): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  if (found === null || found.size !== before.get("bytes")) return false;
  return (
    Math.floor(found.mtimeMs) === before.get("modifiedMs") ||
    (await checksumOf(path)) === before.get("checksum")
  );
}

/**
 * Refuses to use a fingerprint whose raw data have changed since.
 *
 * @throws DATASET_CHANGED
 */
export async function requireUnchanged(
  {
    name,
    rawFolder,
    preprocessedFolder,
  }: { readonly name: string; readonly rawFolder: string; readonly preprocessedFolder: string },
  cases: readonly { readonly images: readonly string[]; readonly label: string | null }[],
): Promise<void> {
  const paths = cases.flatMap(({ images, label }) => [...images, ...(label === null ? [] : [label])]);
  const changes = (await changedRawFiles(preprocessedFolder, rawFolder, paths)) ?? [];
  if (changes.length === 0) return;
  throw nnunetError(
    "DATASET_CHANGED",
    `the raw data of ${name} have changed since the fingerprint: ${someOf(changes)}`,
  );
}
