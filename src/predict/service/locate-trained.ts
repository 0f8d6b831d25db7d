import { join } from "node:path";
import type { LocateModel } from "../../../processor/runtime/service/engine/locate-model.js";
import { isConverted } from "../../convert/converted-folder.js";
import { requestedModels } from "../../models/requested-models.js";
import { cachedConversion } from "../converted-cache.js";
import { progressAsNotes } from "./progress-as-notes.js";

/** The name that nnU-Net v2 gives its last checkpoint; v1 has another one for it. */
const lastCheckpoint = "checkpoint_final.pth";

/** Finds a converted model as it is, and converts a trained one into the cache. */
export const locateTrained: LocateModel = async (stage, { cacheFolder, onNote, signal }) => {
  const { modelDir, checkpointName, folds } = stage;
  if (await isConverted(modelDir)) return { folder: modelDir, folds };
  const progress = progressAsNotes(onNote);
  const models = await requestedModels(
    {
      modelDirs: [modelDir],
      task: null,
      configurations: null,
      checkpointName: checkpointName === lastCheckpoint ? null : checkpointName,
      folds: folds ?? [],
      onnxFiles: null,
      nvidia: null,
      previousStage: null,
      postProcessing: "off",
    },
    {
      currentDirectory: modelDir,
      environment: process.env,
      lockFile: join(cacheFolder, "processor.lock.json"),
      progress,
      signal,
    },
  );
  const folder = await cachedConversion(models, join(cacheFolder, "models"), { progress, signal });
  return { folder, folds: null };
};
