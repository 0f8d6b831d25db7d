import { createHash } from "node:crypto";
import { copyFile, link, rename, stat } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { partialPathNextTo } from "../../processor/files/partial-path.js";
import type { FileRange } from "../../processor/files/zip/byte-range.js";
import { defaultCheckpoint } from "../checkpoint/network/default-checkpoint.js";
import type { ModelCandidate } from "../checkpoint/network/trained-model.js";
import type { ArchiveTree } from "../ground/archive/archive-tree.js";
import { openPretrained } from "../model-source/download-model.js";
import { FolderSource } from "../model-source/folder-source.js";
import type { ModelSource, SourceFile } from "../model-source/model-source.js";
import { openModelSource, type SourceContext } from "../model-source/open-model-source.js";
import { ZipSource } from "../model-source/zip-source.js";
import { chooseModel } from "./choose-model.js";
import { readPath } from "./find-model-folders.js";
import { bundleInArchive } from "./find-monai-bundle.js";
import type { ModelQuery } from "./model-query.js";

/** A folder for `findModel`. */
export interface LocalModel {
  readonly modelDir: string;
  /** The archive that was unpacked into the folder; null for the user's own folder. */
  readonly tree: ArchiveTree | null;
}

/**
 * Returns the local folder of a model. The user's own folder is used as it is. An archive is unpacked into a tree in the
 * cache, but only its plans, dataset, post-processing and the wanted checkpoints, or a bundle of MONAI.
 *
 * @param address an address for `openModelSource`
 */
export async function localModelFolder(
  address: string,
  wanted: ModelQuery,
  context: SourceContext,
): Promise<LocalModel> {
  return folderOf(await openModelSource(address, context), wanted, context);
}

/** Does the same for an archive in the cache. */
export async function zipModelFolder(
  { file }: { readonly file: string },
  wanted: ModelQuery,
  context: SourceContext,
): Promise<LocalModel> {
  return folderOf(await ZipSource.open(file, context.store), wanted, context);
}

/** Does the same for a pretrained model, by name. */
export async function pretrainedModelFolder(
  name: string,
  wanted: ModelQuery,
  context: SourceContext,
): Promise<LocalModel> {
  return folderOf(await openPretrained(name, context), wanted, context);
}

async function folderOf(
  source: ModelSource,
  wanted: ModelQuery,
  context: SourceContext,
): Promise<LocalModel> {
  try {
    if (source instanceof FolderSource) return { modelDir: source.address, tree: null };
    const bundle = await unpackedBundle(source, wanted, context);
    if (bundle !== null) return bundle;
    const inventory = await source.inventory();
    const configuration = chosenByNames(source.address, inventory, wanted);
    const chosen = { ...wanted, configuration };
    checkCheckpoints(source.address, inventory, chosen);
    return await modelTree(source, (path) => isWanted(path, chosen), context);
  } finally {
    await source.close();
  }
}

/** Unpacks the bundle of MONAI of an archive; null for an archive without one. */
export async function unpackedBundle(
  source: ModelSource,
  wanted: ModelQuery,
  context: SourceContext,
): Promise<LocalModel | null> {
  const paths = (await source.inventory()).map(({ path }) => path);
  const bundle = bundleInArchive(source.address, paths, wanted);
  if (bundle === null) return null;
  const { modelDir, tree } = await modelTree(source, (path) => bundle.files.includes(path), context);
  return { modelDir: join(modelDir, bundle.folder), tree };
}

/**
 * Returns a tree in the cache with the files of a source that `isNeeded` accepts, or the folder itself if the source is
 * a folder. Later calls for the same source add to the same tree. Uncompressed checkpoints stay in the archive.
 */
export async function modelTree(
  source: ModelSource,
  isNeeded: (path: string) => boolean,
  { store }: SourceContext,
): Promise<LocalModel> {
  if (source instanceof FolderSource) return { modelDir: source.address, tree: null };
  const inventory = await source.inventory();
  const folder = join(store.folder, "trees", identityOf(source.address, inventory));
  const inArchive = new Map<string, FileRange>();
  for (const { path } of inventory.filter((file) => isNeeded(file.path))) {
    const range = checkpointPath.test(path) ? await source.locate(path) : null;
    if (range === null || isWholeFile(range)) await linkInto(folder, path, await source.asFile(path));
    else {
      await makeFolder(dirname(join(folder, path)), 0o700);
      inArchive.set(join(folder, path), range);
    }
  }
  const paths = inventory.map(({ path }) => path);
  return { modelDir: folder, tree: { folder, address: source.address, paths, inArchive } };
}

/**
 * Chooses the configuration from the names of an archive's folders, if they say it, before anything is unpacked; else
 * returns what the query says.
 *
 * @throws MODEL_AMBIGUOUS, MODEL_TASK_MISMATCH, MODEL_NOT_FOUND, as `findModel` would afterwards
 */
function chosenByNames(address: string, inventory: readonly SourceFile[], query: ModelQuery): string | null {
  const candidates: ModelCandidate[] = [];
  const foldParents = new Set(inventory.flatMap(({ path }) => foldCheckpoint.exec(path)?.[1] ?? []));
  for (const { path } of inventory) {
    const nnunetVersion = plansVersions.get(posix.basename(path));
    if (nnunetVersion === undefined || !foldParents.has(posix.dirname(path))) continue;
    const folder = join(address, posix.dirname(path));
    const pathNames = readPath(folder, nnunetVersion);
    if (pathNames.datasetName === null || pathNames.configuration === null) return query.configuration;
    candidates.push({
      modelFolder: { folder, nnunetVersion, foldNames: [], pathNames },
      datasetName: pathNames.datasetName,
      configuration: pathNames.configuration,
    });
  }
  if (candidates.length === 0) return query.configuration;
  return chooseModel(candidates, address, query).configuration;
}

/**
 * Looks for the wanted checkpoints before anything is unpacked.
 *
 * @throws FOLD_MISSING if no fold of the archive has one, or if a requested fold is missing
 */
function checkCheckpoints(address: string, inventory: readonly SourceFile[], wanted: ModelQuery): void {
  const checkpoints = inventory
    .flatMap(({ path }) => foldCheckpoint.exec(path)?.[0] ?? [])
    .filter(
      (path) => wanted.configuration === null || isOfConfiguration(path.split("/"), wanted.configuration),
    );
  const [first] = checkpoints;
  if (first === undefined) return; // the search for models reports what the archive has instead
  const missing = (what: string) => sharedError("FOLD_MISSING", `${address}: ${what}`);
  const trained = checkpoints.filter((path) => isWanted(path, { ...wanted, folds: [] }));
  if (trained.length === 0) {
    const fold = posix.dirname(first);
    const names = checkpoints
      .filter((path) => posix.dirname(path) === fold)
      .map((path) => posix.basename(path));
    const name = wanted.checkpointName ?? defaultCheckpoint(first.endsWith(".model") ? 1 : 2);
    throw missing(`no fold has ${name}; ${posix.basename(fold)} has ${names.sort().join(", ")}`);
  }
  const folds = new Set(trained.map((path) => foldOf(posix.basename(posix.dirname(path)))));
  const absent = wanted.folds.find((fold) => !folds.has(fold));
  if (absent !== undefined)
    throw missing(`there is no fold ${absent}; the trained folds are ${[...folds].sort().join(", ")}`);
}

/** `0` for `fold_0`, `all` for `fold_all` and v1's `all`. */
const foldOf = (folderName: string): string => folderName.replace(/^fold_/, "");

/** Matches a checkpoint in a fold's folder, and captures the model folder. */
const foldCheckpoint = /^(?:(.+)\/)?(?:fold_\d+|fold_all|all)\/[^/]+\.(?:pth|model)$/;

const plansVersions: ReadonlyMap<string, 1 | 2> = new Map([
  ["plans.pkl", 1],
  ["plans.json", 2],
]);

/** v1 saves a small `….model.pkl` next to each checkpoint, which belongs to the tree. */
const checkpointPath = /\.(?:pth|model)$/;

/** No file in an archive starts at offset 0, because the archive begins with a header. */
const isWholeFile = ({ offset }: FileRange): boolean => offset === 0;

const fixedNames: ReadonlySet<string> = new Set([
  "plans.json",
  "dataset.json",
  "plans.pkl",
  "postprocessing.json",
  "postprocessing.pkl",
]);

function isWanted(path: string, { configuration, folds, checkpointName }: ModelQuery): boolean {
  const parts = path.split("/");
  const name = parts.at(-1) ?? "";
  const parent = parts.at(-2) ?? "";
  if (configuration !== null && !isOfConfiguration(parts, configuration)) return false;
  if (!parent.startsWith("fold_") && parent !== "all") return fixedNames.has(name);
  if (folds.length > 0 && !folds.includes(foldOf(parent))) return false;
  const checkpoints =
    checkpointName === null
      ? [defaultCheckpoint(1), defaultCheckpoint(2)]
      : [checkpointName, `${checkpointName}.model`];
  return checkpoints.some((checkpoint) => name === checkpoint || name === `${checkpoint}.pkl`);
}

/** Reads the configuration from a path: v1 has a folder for each, v2 ends the folder's name with it. A single model's path names none. */
function isOfConfiguration(parts: readonly string[], configuration: string): boolean {
  const known = /^(?:2d|3d_\w+)$/;
  const named = parts
    .slice(0, -1)
    .map((part) => [part, part.split("__").at(-1)!].find((name) => known.test(name)));
  const found = named.find((candidate) => candidate !== undefined);
  if (found === undefined || found === configuration) return true;
  return configuration === "3d_cascade_fullres" && found === "3d_lowres";
}

/** Returns the same tree for the same files, so that files unpacked by an earlier build are reused. */
function identityOf(address: string, inventory: readonly SourceFile[]): string {
  const lines = inventory.map(({ path, size, digest }) => `${path}\n${size}\n${digest}`);
  return createHash("sha256")
    .update([address, ...lines].join("\n"))
    .digest("hex")
    .slice(0, 32);
}

/** Links to the verified file in the cache, and replaces a link to another file. */
async function linkInto(folder: string, path: string, file: string): Promise<void> {
  const target = join(folder, path);
  const [wanted, found] = await Promise.all([stat(file), stat(target).catch(() => null)]);
  if (found?.ino === wanted.ino) return;
  await makeFolder(dirname(target), 0o700);
  const beside = await partialPathNextTo(target);
  await link(file, beside).catch(() => copyFile(file, beside)); // not every disk has hard links
  await rename(beside, target);
}
