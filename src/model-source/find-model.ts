import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ProcessorError } from "../../processor/errors.js";
import type { TaskIdentity } from "../../processor/model/manifest.js";
import { readTorchFile } from "../checkpoint/torch-file.js";
import type { TrainedModel } from "./trained-model.js";

export interface FindModelOptions {
  /** A model folder, or a tree that holds some: `nnUNet_results`, a dataset's folder. */
  readonly modelDir: string;
  /** What the folder must be of; absent when any will do. */
  readonly taskId?: number;
  readonly taskName?: string;
  /** Needed only when the tree holds several. */
  readonly configuration?: string;
  readonly checkpointName?: string;
  /** Default: every `fold_k` with the checkpoint; `fold_all` only when it is the only one. */
  readonly folds?: readonly string[];
}

/** nnU-Net's results are `Dataset/trainer__plans__configuration`: no model lies deeper. */
const searchDepth = 4;

/**
 * Finds the one trained model that the options mean.
 *
 * @throws MODEL_NOT_FOUND, MODEL_AMBIGUOUS, MODEL_TASK_MISMATCH, FOLD_MISSING
 */
export async function findModel(options: FindModelOptions): Promise<TrainedModel> {
  const { modelDir } = options;
  const info = await stat(modelDir).catch(() => null);
  if (info === null) throw new ProcessorError("MODEL_NOT_FOUND", `${modelDir} does not exist`);
  if (!info.isDirectory()) throw new ProcessorError("MODEL_NOT_FOUND", `${modelDir} is no folder`);
  const folders = await modelFolders(modelDir, searchDepth);
  if (folders.length === 0) throw new ProcessorError("MODEL_NOT_FOUND", await whatIsMissing(modelDir));
  const candidates: ModelFolder[] = [];
  for (const folder of folders)
    candidates.push(await describe(folder, options.checkpointName ?? "checkpoint_final.pth"));
  return verified(options, choose(options, candidates));
}

interface ModelFolder {
  readonly folder: string;
  readonly datasetName: string;
  readonly task: TaskIdentity;
  /** Empty when only the checkpoint knows it. */
  readonly configuration: string;
  readonly checkpointName: string;
  readonly folds: TrainedModel["folds"];
}

async function modelFolders(folder: string, depth: number): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = new Set(entries.map(({ name }) => name));
  if (
    names.has("plans.json") &&
    names.has("dataset.json") &&
    entries.some((entry) => entry.name.startsWith("fold_"))
  ) {
    return [folder];
  }
  if (depth === 0) return [];
  const found: string[] = [];
  for (const entry of entries
    .filter((child) => child.isDirectory())
    .sort((a, b) => (a.name < b.name ? -1 : 1))) {
    found.push(...(await modelFolders(join(folder, entry.name), depth - 1)));
  }
  return found;
}

async function whatIsMissing(folder: string): Promise<string> {
  const names = await readdir(folder);
  if (names.length === 0) return `${folder} is empty`;
  const missing = ["plans.json", "dataset.json"].filter((name) => !names.includes(name));
  if (!names.some((name) => name.startsWith("fold_"))) missing.push("fold_0, fold_1, …");
  return `${folder} holds no trained model: it has ${names.slice(0, 6).join(", ")}, but no ${missing.join(" and no ")}`;
}

async function describe(folder: string, checkpointName: string): Promise<ModelFolder> {
  const plans = await readJson(join(folder, "plans.json"));
  const datasetName =
    typeof plans["dataset_name"] === "string" ? plans["dataset_name"] : basename(dirname(folder));
  const named = basename(folder).split("__");
  return {
    folder,
    datasetName,
    task: taskIdentity(datasetName),
    configuration: named.length === 3 ? named[2]! : "",
    checkpointName,
    folds: await foldsWith(folder, checkpointName),
  };
}

/** `Dataset504_BrainTissue` and `Task004_Hippocampus` have a number; a name of one's own has none. */
export function taskIdentity(name: string): TaskIdentity {
  const match = /^(?:Dataset|Task)(\d{3,})_(.+)$/.exec(name);
  return match === null ? { id: null, name } : { id: Number(match[1]), name: match[2]! };
}

async function foldsWith(folder: string, checkpointName: string): Promise<TrainedModel["folds"]> {
  const found: { fold: string; checkpointFile: string }[] = [];
  for (const name of (await readdir(folder)).filter((entry) => /^fold_(\d+|all)$/.test(entry))) {
    const checkpointFile = join(folder, name, checkpointName);
    const info = await stat(checkpointFile).catch(() => null);
    if (info?.isFile()) found.push({ fold: name.slice("fold_".length), checkpointFile });
  }
  const rank = (fold: string) => (fold === "all" ? Number.POSITIVE_INFINITY : Number(fold));
  return found.sort((a, b) => rank(a.fold) - rank(b.fold));
}

function choose(options: FindModelOptions, candidates: readonly ModelFolder[]): ModelFolder {
  const ofTask = candidates.filter(
    ({ task }) =>
      (options.taskId === undefined || task.id === null || task.id === options.taskId) &&
      (options.taskName === undefined || sameName(task.name, options.taskName)),
  );
  if (ofTask.length === 0) {
    const wanted = [options.taskId, options.taskName].filter((part) => part !== undefined).join(" ");
    const present = [...new Set(candidates.map(({ datasetName }) => datasetName))].join(", ");
    throw new ProcessorError(
      "MODEL_TASK_MISMATCH",
      `${options.modelDir} holds ${present}, not task ${wanted}`,
    );
  }
  const named = ofTask.filter(({ configuration }) => configuration === options.configuration);
  const fitting = named.length > 0 ? named : ofTask;
  if (fitting.length > 1) {
    const names = fitting.map(({ folder }) => folder).join(", ");
    throw new ProcessorError(
      "MODEL_AMBIGUOUS",
      `${options.modelDir} holds ${fitting.length} models: ${names}`,
    );
  }
  return fitting[0]!;
}

const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

async function verified(options: FindModelOptions, found: ModelFolder): Promise<TrainedModel> {
  const present = found.folds.map(({ fold }) => fold);
  if (present.length === 0) {
    throw new ProcessorError("FOLD_MISSING", `${found.folder} has no fold with ${found.checkpointName}`);
  }
  const missing = (options.folds ?? []).filter((fold) => !present.includes(fold));
  if (missing.length > 0) {
    throw new ProcessorError(
      "FOLD_MISSING",
      `${found.folder} has folds ${present.join(", ")} with ${found.checkpointName}, not ${missing.join(", ")}`,
    );
  }
  const numbered = found.folds.filter(({ fold }) => fold !== "all");
  const folds =
    options.folds !== undefined && options.folds.length > 0
      ? found.folds.filter(({ fold }) => options.folds!.includes(fold))
      : numbered.length > 0
        ? numbered
        : found.folds;
  const configuration = await trainedConfiguration(found, folds[0]!.checkpointFile);
  if (options.configuration !== undefined && options.configuration !== configuration) {
    throw new ProcessorError(
      "MODEL_TASK_MISMATCH",
      `${found.folder} was trained as ${configuration}, not as ${options.configuration}`,
    );
  }
  return { ...found, folds, configuration, nnunetVersion: 2 };
}

/** The checkpoint says which configuration was trained; a folder's name may have been changed. */
async function trainedConfiguration(found: ModelFolder, checkpointFile: string): Promise<string> {
  const { root } = await readTorchFile(checkpointFile);
  const initArgs = root instanceof Map ? root.get("init_args") : undefined;
  const configuration = initArgs instanceof Map ? initArgs.get("configuration") : undefined;
  if (typeof configuration === "string") return configuration;
  if (found.configuration !== "") return found.configuration;
  throw new ProcessorError(
    "MODEL_FILE_INVALID",
    `${checkpointFile} does not say which configuration it was trained for`,
  );
}

/** @throws MODEL_FILE_INVALID when the file is missing or no JSON object */
export async function readJson(path: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new ProcessorError("MODEL_NOT_FOUND", `${path} cannot be read`, { cause });
  });
  try {
    // Python writes NaN and Infinity, which JSON does not know; no key that we read can hold them.
    const value: unknown = JSON.parse(text.replace(/(?<=[:[,]\s*)-?(?:NaN|Infinity)(?=\s*[,\]}])/g, "null"));
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Readonly<Record<string, unknown>>;
    throw new SyntaxError("not an object");
  } catch (cause) {
    throw new ProcessorError("MODEL_FILE_INVALID", `${path} is not JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
}
