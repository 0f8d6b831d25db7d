import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { whyNotFound } from "../../processor/files/why-unreadable.js";
import type { ModelFolder, PathNames } from "../checkpoint/network/trained-model.js";

/**
 * Finds every folder at or below `modelDir` that looks like a trained configuration. `modelDir` may be a model folder, an
 * `nnUNet_results` tree or a v1 `RESULTS_FOLDER` tree. The result is sorted by path and never empty.
 *
 * @throws MODEL_NOT_FOUND; it lists what the folder has instead
 */
export async function findModelFolders(modelDir: string): Promise<ModelFolder[]> {
  await requireFolder(modelDir);
  const search: Search = { found: [], nearMisses: [], visited: new Set() };
  await visit(modelDir, maxDepth, search);
  if (search.found.length > 0) return search.found;
  throw sharedError(
    "MODEL_NOT_FOUND",
    `${modelDir} holds no trained model${await whatInstead(modelDir, search)}`,
  );
}

/** Deepest layout: `models/nnUNet/3d_fullres/Task004_Hippocampus/nnUNetTrainerV2__nnUNetPlansv2.1`. */
const maxDepth = 6;
const maxFolders = 20_000;

interface Search {
  readonly found: ModelFolder[];
  /** Messages about folders that have plans but lack another part of a model. */
  readonly nearMisses: string[];
  /** Real paths of visited folders, so that circular links end. */
  readonly visited: Set<string>;
}

async function requireFolder(modelDir: string): Promise<void> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(modelDir)).isDirectory();
  } catch (cause) {
    throw sharedError("MODEL_NOT_FOUND", `${modelDir}${await whyNotFound(modelDir, cause)}`, { cause });
  }
  if (!isFolder) throw sharedError("MODEL_NOT_FOUND", `${modelDir} is a file, not a folder`);
}

async function visit(folder: string, depth: number, search: Search): Promise<void> {
  const path = await realpath(folder);
  if (search.visited.has(path)) return;
  search.visited.add(path);
  if (search.visited.size > maxFolders) {
    throw sharedError("MODEL_NOT_FOUND", `${folder} has more than ${maxFolders} folders to search`);
  }
  const entries = await readdir(folder, { withFileTypes: true });
  const files = new Set(entries.map(({ name }) => name));
  const subfolders = await subfolderNames(folder, entries);
  const version = nnunetVersion(files);
  if (version !== null) {
    const foldNames = subfolders.filter((name) => foldPatterns[version].test(name));
    const lacks = missing(files, foldNames, version);
    if (lacks === null) {
      search.found.push({ folder, nnunetVersion: version, foldNames, pathNames: readPath(folder, version) });
    } else search.nearMisses.push(`${folder} has ${plansFiles[version]}, but no ${lacks}`);
    return;
  }
  if (depth === 0) return;
  for (const name of subfolders) {
    if (!name.startsWith(".")) await visit(join(folder, name), depth - 1, search);
  }
}

const plansFiles = { 1: "plans.pkl", 2: "plans.json" } as const;
/** The names of fold folders, by nnU-Net version. */
export const foldPatterns = { 1: /^(?:fold_\d+|all)$/, 2: /^fold_(?:\d+|all)$/ } as const;

function nnunetVersion(files: ReadonlySet<string>): 1 | 2 | null {
  if (files.has(plansFiles[2])) return 2;
  return files.has(plansFiles[1]) ? 1 : null;
}

function missing(files: ReadonlySet<string>, foldNames: readonly string[], version: 1 | 2): string | null {
  if (version === 2 && !files.has("dataset.json")) return "dataset.json";
  return foldNames.length === 0 ? "fold_* folder" : null;
}

/** Links to folders count as folders. */
async function subfolderNames(folder: string, entries: readonly Dirent[]): Promise<string[]> {
  const names: string[] = [];
  for (const entry of entries) {
    const isFolder =
      entry.isDirectory() || (entry.isSymbolicLink() && (await leadsToFolder(join(folder, entry.name))));
    if (isFolder) names.push(entry.name);
  }
  return names.sort();
}

async function leadsToFolder(link: string): Promise<boolean> {
  try {
    return (await stat(link)).isDirectory();
  } catch {
    // A broken link is not a folder.
    return false;
  }
}

/** v2: `Dataset501_Blobs/<trainer>__<plans>__<configuration>`; v1: `<configuration>/Task004_X/<trainer>__<plans>`. */
export function readPath(folder: string, version: 1 | 2): PathNames {
  const parent = basename(dirname(folder));
  const datasetName = /^(?:Dataset|Task)\d{3,}_/.test(parent) ? parent : null;
  const parts = basename(folder).split("__");
  if (version === 2) return { datasetName, configuration: parts.length === 3 ? (parts[2] ?? null) : null };
  const grandparent = basename(dirname(dirname(folder)));
  const isTree = datasetName !== null && parts.length === 2 && /^(?:2d|3d_)/.test(grandparent);
  return { datasetName, configuration: isTree ? grandparent : null };
}

async function whatInstead(modelDir: string, { nearMisses }: Search): Promise<string> {
  const folder = resolve(modelDir);
  if (/^fold_(\d+|all)$/.test(basename(folder)))
    return `; it is one fold of a model: pass its parent folder, ${dirname(folder)}`;
  if (nearMisses.length > 0) return `: ${nearMisses.slice(0, 3).join("; ")}`;
  const names = (await readdir(modelDir)).sort();
  if (names.length === 0) return "; it is empty";
  const shown = names.slice(0, 8).join(", ");
  const rest = names.length > 8 ? `, … (${names.length} entries)` : "";
  const hasWeights = names.some((name) => /\.(?:pth|pt|model)$/.test(name));
  const why = hasWeights ? ", but weights without plans.json or plans.pkl are not an nnU-Net model" : "";
  return `; it has ${shown}${rest}${why}`;
}
