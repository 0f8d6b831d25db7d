import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { sharedError } from "../../processor/contract/shared-errors.js";
import type { TrainedModel } from "../checkpoint/network/trained-model.js";
import { namingArchives } from "../ground/archive/archive-tree.js";
import { cacheFolder } from "../model-source/cache-folder.js";
import { modelInfo } from "../model-source/model-registry.js";
import { openSourceContext, type SourceContext } from "../model-source/open-model-source.js";
import { type FindModelOptions, findModel } from "./find-model.js";
import { localModelFolder, pretrainedModelFolder } from "./model-folder.js";
import type { WorkContext } from "./work-context.js";

/** Finds the model in a folder. Fetches the files of an archive or an address into the cache first. */
export async function trainedModel(options: FindModelOptions, work: WorkContext): Promise<TrainedModel> {
  const { modelDir, folds, configuration, checkpointName, taskId, taskName } = options;
  const folder = resolve(work.currentDirectory, modelDir);
  const isFolder =
    !/^[a-z]+:/.test(modelDir) && ((await stat(folder).catch(() => null))?.isDirectory() ?? true);
  if (isFolder) return noted(await findModel({ ...options, modelDir: folder }), work);
  const wanted = {
    ...(taskId === undefined ? {} : { taskId }),
    ...(taskName === undefined ? {} : { taskName }),
    ...(folds === undefined ? {} : { folds }),
    ...(configuration === undefined ? {} : { configuration }),
    ...(checkpointName === undefined ? {} : { checkpointName }),
  };
  const address = /^[a-z]+:/.test(modelDir) ? modelDir : folder;
  const context = await sourceContext(null, work);
  const local = await localModelFolder(address, wanted, context);
  const model = await namingArchives([local.tree], () => findModel({ ...options, ...local }));
  return noted(model, work);
}

/** Downloads the pretrained model of a config's task. */
export async function pretrainedModel(
  wanted: Omit<FindModelOptions, "modelDir">,
  zenodoUrl: string | null,
  work: WorkContext,
): Promise<TrainedModel> {
  const { taskId, taskName, ...rest } = wanted;
  if (taskId === undefined && taskName === undefined) {
    throw sharedError("CONFIG_INVALID", "--download-pretrained needs task_id (and task_name) in config.json");
  }
  const { name } = modelInfo(pretrainedName({ taskId, taskName }));
  const context = await sourceContext(zenodoUrl, work);
  const local = await pretrainedModelFolder(name, rest, context);
  const model = await namingArchives([local.tree], () => findModel({ ...wanted, ...local }));
  return noted(model, work);
}

/** Reports which folds are left out, because that changes the segmentation. */
function noted(model: TrainedModel, { progress }: WorkContext): TrainedModel {
  for (const { reason } of model.leftOut)
    progress.note(`${model.datasetName} ${model.configuration}: ${reason}; it is left out`);
  return model;
}

/** Returns `Task004_Hippocampus`, `Task004` or `Hippocampus`, depending on which keys the config has. */
export function pretrainedName(config: {
  readonly taskId?: number | undefined;
  readonly taskName?: string | undefined;
}): string {
  const number = config.taskId === undefined ? "" : `Task${String(config.taskId).padStart(3, "0")}`;
  return [number, config.taskName].filter((part) => part !== undefined && part !== "").join("_");
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
