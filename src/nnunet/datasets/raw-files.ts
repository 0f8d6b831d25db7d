import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { regularFileBytes } from "../../../processor/files/read-text-file.js";
import { whyUnreadable } from "../../../processor/files/why-unreadable.js";
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
  readonly sha256: string;
}

/** The file in the preprocessed folder that says which raw files the fingerprint was made of. nnU-Net ignores it. */
const rawFilesFile = "raw_files.json";

/** @throws DATASET_INVALID if a file is missing, or cannot be read */
export async function fileStates(paths: readonly string[]): Promise<readonly FileState[]> {
  const states: FileState[] = [];
  for (const path of paths) {
    try {
      const { size, mtimeMs } = await stat(path);
      states.push({ path, bytes: size, modifiedMs: Math.floor(mtimeMs), sha256: await digestOf(path) });
    } catch (cause) {
      throw nnunetError("DATASET_INVALID", `${path}${await whyUnreadable(path, cause)}`, { cause });
    }
  }
  return states;
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of regularFileBytes(path)) hash.update(chunk);
  return hash.digest("hex");
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
        files.map(({ path, bytes, modifiedMs, sha256 }) => [
          relative(rawFolder, path),
          { bytes, modifiedMs, sha256 },
        ]),
      ),
    },
    { sortKeys: false },
  );

/**
 * Returns the reader that `chooseReader` found for the fingerprint, so that unchanged images need not be read once more; null
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
    Math.floor(found.mtimeMs) === before.get("modifiedMs") || (await digestOf(path)) === before.get("sha256")
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
