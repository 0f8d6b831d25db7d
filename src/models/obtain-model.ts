import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { sharedError } from "../../processor/contract/shared-errors.js";
import type { TrainedModel } from "../checkpoint/network/trained-model.js";
import { describeModel } from "../checkpoint/nnunet-formats.js";
import { noNvidiaOptions } from "../checkpoint/nvidia/nvidia-options.js";
import { namingArchives } from "../ground/archive/archive-tree.js";
import { cacheFolder } from "../model-source/cache-folder.js";
import { modelInfo } from "../model-source/model-registry.js";
import { openSourceContext, type SourceContext } from "../model-source/open-model-source.js";
import { findModel } from "./find-model.js";
import { findMonaiBundle } from "./find-monai-bundle.js";
import { findNvidiaModel } from "./find-nvidia-model.js";
import { localModelFolder, pretrainedModelFolder } from "./model-folder.js";
import type { ModelQuery, PlacedQuery } from "./model-query.js";
import type { WorkContext } from "./work-context.js";

/** Finds the model in a folder. Fetches the files of an archive or an address into the cache first. */
export async function trainedModel(
  { modelDir, ...query }: PlacedQuery,
  work: WorkContext,
): Promise<TrainedModel> {
  const folder = resolve(work.currentDirectory, modelDir);
  const isAddress = /^[a-z]+:/.test(modelDir);
  const isFolder = !isAddress && ((await stat(folder).catch(() => null))?.isDirectory() ?? true);
  if (isFolder || (!isAddress && modelDir.endsWith(".ckpt"))) {
    const ofNvidia = await findNvidiaModel(folder, query, query.nvidia ?? noNvidiaOptions);
    if (ofNvidia !== null) return ofNvidia;
  }
  const local = isFolder
    ? { modelDir: folder, tree: null }
    : await localModelFolder(isAddress ? modelDir : folder, query, await sourceContext(null, work));
  return namingArchives([local.tree], async () => {
    const bundle = await findMonaiBundle(local.modelDir, query, local.tree);
    return bundle !== null ? notedBundle(bundle, work) : noted(await findModel(local, query), work);
  });
}

/** Downloads the pretrained model of a config's task. */
export async function pretrainedModel(
  query: ModelQuery,
  zenodoUrl: string | null,
  work: WorkContext,
): Promise<TrainedModel> {
  if (query.taskId === null && query.taskName === null) {
    throw sharedError("CONFIG_INVALID", "--download-pretrained needs task_id (and task_name) in config.json");
  }
  const { name } = modelInfo(pretrainedName(query));
  const context = await sourceContext(zenodoUrl, work);
  const local = await pretrainedModelFolder(name, { ...query, taskId: null, taskName: null }, context);
  return noted(await namingArchives([local.tree], () => findModel(local, query)), work);
}

/** Reports which folds are left out, because that changes the segmentation. */
function noted(model: TrainedModel, { progress }: WorkContext): TrainedModel {
  for (const { reason } of model.leftOut)
    progress.note(`${model.datasetName} ${model.configuration}: ${reason}; it is left out`);
  return model;
}

/** Reports where the answer differs from MONAI's on purpose. */
async function notedBundle(model: TrainedModel, { progress }: WorkContext): Promise<TrainedModel> {
  const { notes = [] } = await describeModel(model);
  for (const note of notes) progress.note(`${model.datasetName}: ${note}`);
  return model;
}

/** Returns `Task004_Hippocampus`, `Task004` or `Hippocampus`, depending on which keys the config has. */
export function pretrainedName({ taskId, taskName }: Pick<ModelQuery, "taskId" | "taskName">): string {
  const number = taskId === null ? "" : `Task${String(taskId).padStart(3, "0")}`;
  return [number, taskName ?? ""].filter((part) => part !== "").join("_");
}

/** Opens a source context that locks downloads in processor.lock.json, so that a later build fails if their bytes changed. */
export function sourceContext(
  zenodoUrl: string | null,
  { environment, lockFile, progress, signal }: WorkContext,
): Promise<SourceContext> {
  return openSourceContext({
    lockFile,
    progress,
    signal,
    cacheFolder: cacheFolder(environment),
    zenodoMirror: zenodoUrl === null ? null : mirror(zenodoUrl),
  });
}

function mirror(text: string): URL {
  if (URL.canParse(text)) return new URL(text);
  throw sharedError("USAGE", `--zenodo-url must be an address such as https://example.org, but is ${text}`);
}
