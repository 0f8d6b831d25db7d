import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  about,
  anything,
  type Checked,
  count,
  flag,
  listOf,
  number,
  oneOf,
  orNull,
  record,
  sha256Hex,
  text,
  version,
} from "../../contract/json-check.js";
import { parseOrNull } from "../../contract/parse-checked.js";
import { readTextFile } from "../../files/read-text-file.js";
import { writeFileWhole } from "../../files/write-file.js";
import type { BatchCase } from "./batch-case.js";
import type { BatchFolder } from "./batch-folder.js";
import { fileDigest } from "./file-digest.js";

const attempt = record({
  host: text,
  started: about("ISO 8601.", text),
  seconds: number,
  error: orNull(record({ code: text, message: text })),
});

/** One time that a case was computed. */
export type Attempt = Checked<typeof attempt>;

const digested = record({ path: text, sha256: sha256Hex });

const caseRecord = record({
  recordVersion: version(1),
  case: text,
  state: oneOf(["done", "failed"]),
  mayRetry: about("True for a failure that another attempt may not have.", flag),
  attempts: listOf(attempt),
  host: text,
  device: about("What ran the networks; null if none ran.", orNull(text)),
  inferenceEngine: orNull(text),
  seconds: about("Of the last attempt.", number),
  ended: about("ISO 8601.", text),
  modelDigest: sha256Hex,
  manifestDigest: sha256Hex,
  runDigest: about("Names the model with the settings that decide answers.", sha256Hex),
  caseDigest: about("SHA-256 of what the manifest says about the case.", sha256Hex),
  inputs: listOf(digested),
  outputs: about("Paths below the folder of segmentations.", listOf(digested)),
  labels: anything,
  warnings: listOf(text),
  error: orNull(record({ code: text, message: text, help: text, exitCode: count })),
});

/** `cases/<case>.json`: what became of a case. It is written last. */
export type CaseRecord = Checked<typeof caseRecord>;

const mostBytes = 16 << 20;

/** Returns null if there is none, or if it is damaged. */
export async function readRecord(folder: BatchFolder, name: string): Promise<CaseRecord | null> {
  const json = await readTextFile(folder.recordFile(name), mostBytes).catch(() => null);
  return json === null ? null : parseOrNull(json, caseRecord);
}

export const writeRecord = (folder: BatchFolder, one: CaseRecord): Promise<void> =>
  writeFileWhole(folder.recordFile(one.case), [Buffer.from(`${JSON.stringify(one, null, 2)}\n`)]);

export const removeRecord = (folder: BatchFolder, name: string): Promise<void> =>
  rm(folder.recordFile(name), { force: true });

/** Returns whether a record is about this case, computed by this model with these settings. */
export const isOfRun = (
  one: Pick<CaseRecord, "runDigest" | "caseDigest">,
  { digest }: BatchCase,
  run: string,
): boolean => one.runDigest === run && one.caseDigest === digest;

/** Returns whether the files of a finished case are there, with their digests. */
export async function hasItsFiles(
  folder: BatchFolder,
  { outputs }: CaseRecord,
  signal: AbortSignal,
): Promise<boolean> {
  for (const { path, sha256 } of outputs) {
    const found = await fileDigest(join(folder.segmentations, path), signal).catch((error: unknown) => {
      signal.throwIfAborted();
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      return null;
    });
    if (found !== sha256) return false;
  }
  return true;
}
