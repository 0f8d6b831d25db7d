import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { isNonEmpty, mapInOrder, type NonEmpty } from "../../processor/contract/non-empty.js";
import { ownEntry } from "../../processor/contract/own-entry.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { exists } from "../../processor/files/exists.js";
import type { TrainedFold, TrainedModel } from "../checkpoint/network/trained-model.js";
import { numberOr } from "../checkpoint/nvidia/network-plan.js";
import type { NvidiaOptions } from "../checkpoint/nvidia/nvidia-options.js";
import { nvidiaTasks } from "../checkpoint/nvidia/nvidia-tasks.js";
import { readLightning } from "../checkpoint/nvidia/read-lightning.js";
import { builderError } from "../ground/errors/builder-errors.js";
import type { ModelQuery } from "./model-query.js";
import { taskIdentity } from "./task-identity.js";

/**
 * Finds the checkpoints of NVIDIA's nnU-Net: a `.ckpt` file, or those in a folder, in its `checkpoints`, or in folders of
 * folds below it. Returns null for a folder without any.
 *
 * @throws MODEL_AMBIGUOUS for two checkpoints of one fold; FOLD_MISSING, MODEL_NOT_FOUND, CHECKPOINT_*
 */
export async function findNvidiaModel(
  modelDir: string,
  query: ModelQuery,
  options: NvidiaOptions,
): Promise<TrainedModel | null> {
  const isFile = modelDir.endsWith(".ckpt");
  const folder = isFile ? dirname(modelDir) : modelDir;
  const found = isFile ? [modelDir] : await checkpointsIn(folder);
  const named =
    query.checkpointName === null ? found : found.filter((file) => basename(file) === query.checkpointName);
  if (found.length === 0) return null;
  if (!isNonEmpty(named))
    throw sharedError(
      "MODEL_NOT_FOUND",
      `${folder} has no ${query.checkpointName}, but ${found.map((file) => basename(file)).join(", ")}`,
    );
  const folds = chosenFolds(await mapInOrder(named, readFold), query, folder);
  const { args } = await readLightning(folds[0]);
  const configFile = options.config ?? (await nextTo("config.pkl", folds[0].checkpointFile, folder));
  const datasetFile = await nextTo("dataset.json", folds[0].checkpointFile, folder);
  if (options.config !== null && !(await exists(options.config)))
    throw sharedError("MODEL_NOT_FOUND", `${options.config}, which nvidia.config names, does not exist`);
  const task = options.task === null ? undefined : ownEntry(nvidiaTasks, options.task);
  const datasetName = task?.name ?? basename(resolve(folder));
  return {
    folder,
    nnunetVersion: 2,
    task: taskOf(datasetName),
    datasetName,
    configuration: numberOr(args, "dim", 3) === 2 ? "2d" : "3d",
    networkFormat: "checkpoint",
    nvidia: { configFile, datasetFile, options },
    checkpointName: basename(folds[0].checkpointFile),
    folds,
    leftOut: [],
    tree: null,
  };
}

/** NVIDIA's names have two digits: `Task01_BrainTumour`. */
function taskOf(datasetName: string) {
  const [, id, name] = /^Task(\d{2})_(.+)$/.exec(datasetName) ?? [];
  return name === undefined ? taskIdentity(datasetName) : { id: Number(id), name };
}

/** Folders that hold checkpoints of one training. */
const maxFolders = 100;

/** Returns the checkpoints in a folder, its `checkpoints`, and the folders one and two levels below, sorted. */
async function checkpointsIn(folder: string): Promise<readonly string[]> {
  const files: string[] = [];
  const visit = async (path: string, depth: number): Promise<void> => {
    const entries = await readdir(path, { withFileTypes: true });
    const here = entries.filter(({ name }) => name.endsWith(".ckpt")).map(({ name }) => join(path, name));
    // Lightning's last.ckpt is the state in which the training ended, next to the best one.
    const best = here.filter((file) => basename(file) !== "last.ckpt");
    files.push(...(best.length > 0 ? best : here));
    if (depth === 0) return;
    const below = entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
      .slice(0, maxFolders);
    for (const { name } of below) await visit(join(path, name), depth - 1);
  };
  if ((await stat(folder).catch(() => null))?.isDirectory()) await visit(folder, 2);
  return files.sort();
}

async function readFold(checkpointFile: string): Promise<TrainedFold> {
  const { args } = await readLightning({ fold: "0", checkpointFile, range: null });
  return { fold: String(numberOr(args, "fold", 0)), checkpointFile, range: null };
}

function chosenFolds(
  present: NonEmpty<TrainedFold>,
  query: ModelQuery,
  folder: string,
): NonEmpty<TrainedFold> {
  const sorted = [...present].sort((a, b) => Number(a.fold) - Number(b.fold));
  const wanted = query.folds.length === 0 ? sorted : sorted.filter(({ fold }) => query.folds.includes(fold));
  const missing = query.folds.filter((fold) => sorted.every((found) => found.fold !== fold));
  if (missing.length > 0 || !isNonEmpty(wanted))
    throw sharedError(
      "FOLD_MISSING",
      `there is no fold ${missing.join(", ")}; the trained folds are ${sorted.map(({ fold }) => fold).join(", ")}`,
    );
  const twice = wanted.find(({ fold }, i) => wanted.findIndex((other) => other.fold === fold) !== i);
  if (twice === undefined) return wanted;
  const files = wanted.filter(({ fold }) => fold === twice.fold).map(({ checkpointFile }) => checkpointFile);
  throw builderError(
    "MODEL_AMBIGUOUS",
    `${folder} has ${files.length} checkpoints of fold ${twice.fold}: ${files.map((file) => basename(file)).join(", ")}; pass one of the files, or name it with --checkpoint`,
  );
}

/** Looks for a file next to the checkpoint and in the folders above it, up to the model's folder. */
async function nextTo(name: string, checkpointFile: string, folder: string): Promise<string | null> {
  for (let path = dirname(checkpointFile); ; path = dirname(path)) {
    if (await exists(join(path, name))) return join(path, name);
    if (path === folder || path === dirname(path)) return null;
  }
}
