import { createHash } from "node:crypto";
import { link, rename, rm, writeFile } from "node:fs/promises";
import {
  about,
  type Checked,
  count,
  flag,
  listOf,
  orNull,
  record,
  sha256Hex,
  text,
  version,
} from "../../contract/json-check.js";
import { parseChecked } from "../../contract/parse-checked.js";
import { type ImageSettings, imageSettings } from "../../contract/run-settings.js";
import { exists } from "../../files/exists.js";
import { makeFolder } from "../../files/make-folder.js";
import { newPartialPath } from "../../files/partial-path.js";
import { readTextFile, unreadable } from "../../files/read-text-file.js";
import { outputError, writeFileWhole } from "../../files/write-file.js";
import type { BatchFolder } from "./batch-folder.js";
import { type BatchManifest, parseManifest } from "./batch-manifest.js";
import { batchError } from "./errors.js";

const batchFile = record({
  batchVersion: version(1),
  model: record({
    folder: about("A converted model, where the process that began the batch saw it.", text),
    digest: about("SHA-256 of the model's files.", sha256Hex),
    name: text,
    folds: about("Null for all folds.", orNull(listOf(text))),
    appliesPostProcessing: flag,
  }),
  settings: imageSettings,
  hookDigest: about("SHA-256 of the module with the user's hooks; null for none.", orNull(sha256Hex)),
  manifestDigest: about("SHA-256 of cases.jsonl.", sha256Hex),
  manifestFolder: about("The start of the manifest's relative paths.", text),
  caseCount: count,
});

/** `batch.json`: what all processes of a batch agree on. */
export type BatchFile = Checked<typeof batchFile>;

/** What a process wants to compute. */
export interface BatchWish {
  readonly model: BatchFile["model"];
  readonly settings: ImageSettings;
  readonly hookDigest: string | null;
  readonly manifest: BatchManifest;
  readonly manifestFolder: string;
}

/** Settings that say where and how fast a case is computed, and so may differ between the processes of a batch. */
const ofTheMachine: readonly string[] = [
  ...["device", "threads", "inferenceEngine", "inputDir", "outputDir", "overlayDestination"],
  ...["allowedExtensions", "outputExtension", "inputChannels", "writeJson", "overwriteOutput", "hookModule"],
];

const answerSettings = (settings: ImageSettings): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(settings).filter(([name]) => !ofTheMachine.includes(name)));

/** Returns a digest of everything but the case itself that decides an answer. Results with another one do not count. */
export const runDigest = ({
  model,
  settings,
  hookDigest,
}: Pick<BatchFile, "model" | "settings" | "hookDigest">): string =>
  createHash("sha256")
    .update(
      JSON.stringify([
        ...[model.digest, model.folds, model.appliesPostProcessing],
        ...[answerSettings(settings), hookDigest],
      ]),
    )
    .digest("hex");

/** What to do with a folder that belongs to another batch. */
export type OtherBatch = "refuse" | "replace";

/**
 * Makes the folders of a batch, or joins a batch that another process has begun.
 *
 * @throws BATCH_DIFFERS if the folder belongs to a batch with another model, other settings or another manifest
 */
export async function openBatchFolder(
  folder: BatchFolder,
  wish: BatchWish,
  other: OtherBatch,
): Promise<BatchFile> {
  for (const path of [folder.segmentations, folder.records, folder.claims]) await makeFolder(path);
  const wanted: BatchFile = {
    batchVersion: 1,
    model: wish.model,
    settings: wish.settings,
    hookDigest: wish.hookDigest,
    manifestDigest: wish.manifest.digest,
    manifestFolder: wish.manifestFolder,
    caseCount: wish.manifest.cases.length,
  };
  const begun = (await exists(folder.batchFile)) ? await readBatchFile(folder) : null;
  const difference = begun === null ? null : differenceOf(begun, wanted);
  if (begun !== null && difference === null) return begun;
  if (begun !== null && other === "refuse")
    throw batchError("BATCH_DIFFERS", `${folder.root} holds a batch with ${difference}`);
  await writeFileWhole(folder.manifestFile, [Buffer.from(wish.manifest.text)]);
  const json = `${JSON.stringify(wanted, null, 2)}\n`;
  if (begun !== null) {
    await writeFileWhole(folder.batchFile, [Buffer.from(json)]);
    return wanted;
  }
  if (await createWhole(folder.batchFile, json)) return wanted;
  // Another process was faster.
  return openBatchFolder(folder, wish, other);
}

/** Writes a file whole, unless it exists already; returns whether it was written. */
async function createWhole(path: string, json: string): Promise<boolean> {
  const partial = newPartialPath(path);
  try {
    await writeFile(partial, json, { flag: "wx" });
    await link(partial, path);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (code === "EEXIST") return false;
    // Some file systems have no links.
    if (!["EPERM", "ENOTSUP", "ENOSYS"].includes(code)) throw outputError(path, error);
    await rename(partial, path);
    return true;
  } finally {
    await rm(partial, { force: true });
  }
}

function differenceOf(begun: BatchFile, wanted: BatchFile): string | null {
  if (begun.model.digest !== wanted.model.digest)
    return `another model (${begun.model.name}, in ${begun.model.folder})`;
  if (begun.manifestDigest !== wanted.manifestDigest)
    return `another manifest (of ${begun.caseCount} cases; this one has ${wanted.caseCount})`;
  if (runDigest(begun) === runDigest(wanted)) return null;
  const before = answerSettings(begun.settings);
  const after = answerSettings(wanted.settings);
  const changed = Object.keys(after).filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
  const others = [
    ...(JSON.stringify(begun.model.folds) === JSON.stringify(wanted.model.folds) ? [] : ["folds"]),
    ...(begun.model.appliesPostProcessing === wanted.model.appliesPostProcessing ? [] : ["post-processing"]),
    ...(begun.hookDigest === wanted.hookDigest ? [] : ["hooks"]),
  ];
  return `other settings (${[...changed, ...others].join(", ")})`;
}

const mostBytes = 16 << 20;
const mostManifestBytes = 256 << 20;

/** @throws BATCH_NOT_FOUND */
export async function readBatchFile(folder: BatchFolder): Promise<BatchFile> {
  const invalid = (reason: string, cause?: unknown) =>
    batchError("BATCH_NOT_FOUND", `${folder.batchFile} ${reason}`, { cause });
  const json = await readTextFile(folder.batchFile, mostBytes).catch((cause: unknown) => {
    throw invalid(`is not readable: ${unreadable(cause)}`, cause);
  });
  return parseChecked(json, batchFile, invalid);
}

/**
 * Reads the copy of the manifest in a batch's folder.
 *
 * @throws BATCH_NOT_FOUND
 */
export async function readOwnManifest(folder: BatchFolder, batch: BatchFile): Promise<BatchManifest> {
  const json = await readTextFile(folder.manifestFile, mostManifestBytes).catch((cause: unknown) => {
    throw batchError("BATCH_NOT_FOUND", `${folder.manifestFile}: ${unreadable(cause)}`, { cause });
  });
  return parseManifest(json, folder.manifestFile, batch.manifestFolder);
}
