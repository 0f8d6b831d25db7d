import { createHash } from "node:crypto";
import { copyFile, link, mkdir, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openPretrained } from "./download-model.js";
import { FolderSource } from "./folder-source.js";
import type { ModelSource, SourceFile } from "./model-source.js";
import { openModelSource, type SourceContext } from "./open-model-source.js";

/** Which part of a results tree is needed; what is absent is not limited. */
export interface WantedModel {
  /** `3d_fullres`, …; the cascade's second stage brings its first with it. */
  readonly configuration?: string;
  /** `0` … `4`, `all`. */
  readonly folds?: readonly string[];
  /** nnU-Net's final checkpoint by default. */
  readonly checkpointName?: string;
}

/**
 * The local folder of a model, wherever it comes from: the user's own folder as it is; for an archive a tree in the
 * cache that holds plans, dataset, post-processing and the wanted checkpoints, and nothing else of it.
 *
 * @param address as `openModelSource` takes it
 */
export async function localModelFolder(
  address: string,
  wanted: WantedModel,
  context: SourceContext,
): Promise<string> {
  return folderOf(await openModelSource(address, context), wanted, context);
}

/** The same for a pretrained model by name. */
export async function pretrainedModelFolder(
  name: string,
  wanted: WantedModel,
  context: SourceContext,
): Promise<string> {
  return folderOf(await openPretrained(name, context), wanted, context);
}

async function folderOf(source: ModelSource, wanted: WantedModel, context: SourceContext): Promise<string> {
  try {
    return await modelTree(source, (path) => isWanted(path, wanted), context);
  } finally {
    await source.close();
  }
}

/**
 * A tree in the cache with those files of a source that `isNeeded` accepts; of a folder the folder itself. Trees of
 * one source grow together.
 */
export async function modelTree(
  source: ModelSource,
  isNeeded: (path: string) => boolean,
  { store }: SourceContext,
): Promise<string> {
  if (source instanceof FolderSource) return source.address;
  const inventory = await source.inventory();
  const folder = join(store.folder, "trees", identityOf(source.address, inventory));
  for (const { path } of inventory.filter((file) => isNeeded(file.path)))
    await linkInto(folder, path, await source.asFile(path));
  return folder;
}

const fixedNames: ReadonlySet<string> = new Set([
  "plans.json",
  "dataset.json",
  "plans.pkl",
  "postprocessing.json",
  "postprocessing.pkl",
]);
const finalCheckpoints: readonly string[] = ["checkpoint_final.pth", "model_final_checkpoint.model"];

function isWanted(path: string, { configuration, folds, checkpointName }: WantedModel): boolean {
  const parts = path.split("/");
  const name = parts.at(-1) ?? "";
  const parent = parts.at(-2) ?? "";
  if (configuration !== undefined && !isOfConfiguration(parts, configuration)) return false;
  if (!parent.startsWith("fold_")) return fixedNames.has(name);
  if (folds !== undefined && folds.length > 0 && !folds.includes(parent.slice("fold_".length))) return false;
  const checkpoints =
    checkpointName === undefined ? finalCheckpoints : [checkpointName, `${checkpointName}.model`];
  return checkpoints.some((checkpoint) => name === checkpoint || name === `${checkpoint}.pkl`);
}

/** v1 has a folder for each configuration; v2 ends the folder's name with it. A tree of one model names none. */
function isOfConfiguration(parts: readonly string[], configuration: string): boolean {
  const known = /^(2d|3d_\w+)$/;
  const named = parts
    .slice(0, -1)
    .map((part) => (known.test(part) ? part : /__(2d|3d_\w+)$/.exec(part)?.[1]));
  const found = named.find((candidate) => candidate !== undefined);
  if (found === undefined || found === configuration) return true;
  return configuration === "3d_cascade_fullres" && found === "3d_lowres";
}

/** The same files, the same tree: what an earlier build unpacked stays. */
function identityOf(address: string, inventory: readonly SourceFile[]): string {
  const lines = inventory.map(({ path, size, digest }) => `${path}\n${size}\n${digest}`);
  return createHash("sha256")
    .update([address, ...lines].join("\n"))
    .digest("hex")
    .slice(0, 32);
}

/** A second name for the verified file of the cache; one that leads elsewhere is replaced. */
async function linkInto(folder: string, path: string, file: string): Promise<void> {
  const target = join(folder, path);
  const [wanted, found] = await Promise.all([stat(file), stat(target).catch(() => null)]);
  if (found?.ino === wanted.ino) return;
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  const beside = `${target}.${process.pid}.linking`;
  await link(file, beside).catch(() => copyFile(file, beside)); // not every disk has hard links
  await rename(beside, target);
}
