import { stat } from "node:fs/promises";
import { cacheFolder } from "../../model-source/cache-folder.js";
import { type FindModelOptions, findModel } from "../../model-source/find-model.js";
import { localModelFolder } from "../../model-source/model-folder.js";
import { openSourceContext } from "../../model-source/open-model-source.js";
import type { TrainedModel } from "../../model-source/trained-model.js";
import type { CommandSession } from "../command-session.js";

/** Finds the model in a folder; from an archive or an address its files are fetched into the cache first. */
export async function trainedModel(options: FindModelOptions, session: CommandSession): Promise<TrainedModel> {
  const isFolder = (await stat(options.modelDir).catch(() => null))?.isDirectory() ?? !isAddress(options.modelDir);
  if (isFolder) return findModel(options);
  const context = await openSourceContext({
    cacheFolder: cacheFolder(session.terminal.environment),
    progress: session.progress,
    signal: session.signal,
  });
  const { modelDir, folds, configuration, checkpointName } = options;
  const wanted = {
    ...(folds === undefined ? {} : { folds }),
    ...(configuration === undefined ? {} : { configuration }),
    ...(checkpointName === undefined ? {} : { checkpointName }),
  };
  return findModel({ ...options, modelDir: await localModelFolder(modelDir, wanted, context) });
}

const isAddress = (text: string): boolean => /^(https?|zenodo):/.test(text) || text.toLowerCase().endsWith(".zip");

interface ModelArguments {
  readonly "model-dir": string;
  readonly configuration: string | undefined;
  readonly checkpoint: string | undefined;
  readonly folds?: readonly string[] | undefined;
}

/** Flags that were given, under the names that `findModel` has for them. */
export function definedModelOptions(args: ModelArguments): FindModelOptions {
  return {
    modelDir: args["model-dir"],
    ...(args.configuration === undefined ? {} : { configuration: args.configuration }),
    ...(args.checkpoint === undefined ? {} : { checkpointName: args.checkpoint }),
    ...(args.folds === undefined ? {} : { folds: args.folds }),
  };
}
