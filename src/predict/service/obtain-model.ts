import { dirname, join } from "node:path";
import type { ObtainModel } from "../../../processor/runtime/service/engine/locate-model.js";
import type { ModelSource } from "../../../processor/runtime/service/models/model-source.js";
import { checkConfig } from "../../config/load-config.js";
import { requestedModels } from "../../models/requested-models.js";
import type { WorkContext } from "../../models/work-context.js";
import { cachedConversion } from "../converted-cache.js";
import { taskFolder } from "../task-folder.js";
import { progressAsNotes } from "./progress-as-notes.js";

/** Fetches and converts a model that is not a folder of nnU-Net, into the cache. */
export const obtainModel: ObtainModel = (source, { cacheFolder, onNote, signal }) => {
  const work: WorkContext = {
    currentDirectory: source.kind === "totalsegmentator" ? cacheFolder : dirname(source.path),
    environment: process.env,
    lockFile: join(cacheFolder, "processor.lock.json"),
    progress: progressAsNotes(onNote),
    signal,
  };
  const models = join(cacheFolder, "models");
  return source.kind === "totalsegmentator"
    ? taskFolder(source.task, models, work)
    : convertedFolder(source, models, work);
};

async function convertedFolder(
  source: Exclude<ModelSource, { readonly kind: "totalsegmentator" }>,
  cacheFolder: string,
  work: WorkContext,
): Promise<string> {
  const found = await requestedModels(
    {
      modelDirs: [source.path],
      task: null,
      configurations: null,
      checkpointName: null,
      folds: [],
      onnxFiles: null,
      nvidia: source.kind === "nvidia" ? checkConfig({ nvidia: source.options }, source).nvidia : null,
      previousStage: null,
      postProcessing: "off",
    },
    work,
  );
  return cachedConversion(found, cacheFolder, work);
}

/** Returns what is wrong with the options of a model of NVIDIA's nnU-Net, one line for each fault. */
export function faultsOfNvidia(options: Readonly<Record<string, unknown>>): readonly string[] {
  try {
    checkConfig({ nvidia: options }, { path: "nvidia" });
    return [];
  } catch (error) {
    const [, ...faults] = (error as Error).message.split("\n");
    return faults.map((fault) => fault.trim().replace(/^\/nvidia\/?/, ""));
  }
}
