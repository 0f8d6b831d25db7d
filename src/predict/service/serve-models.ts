import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolderOrNull } from "../../../processor/contract/cache-folder.js";
import { places } from "../../../processor/contract/places.js";
import { exists } from "../../../processor/files/exists.js";
import type { OpenEngine } from "../../../processor/runtime/service/engine/job-engine.js";
import {
  folderModels,
  type Served,
  specModels,
} from "../../../processor/runtime/service/start/image-models.js";
import { serve } from "../../../processor/runtime/service/start/serve.js";
import type { ServeSettings } from "../../../processor/runtime/service/start/serve-settings.js";
import type { WorkContext } from "../../models/work-context.js";
import { faultsOfNvidia } from "./obtain-model.js";

export interface ServeModelsOptions {
  readonly settings: ServeSettings;
  /** Computes jobs instead of this machine; null for this machine. */
  readonly openEngine: OpenEngine | null;
  readonly isInImage: boolean;
  /** Receives lines of JSON. */
  readonly writeLog: (line: string) => void;
}

/** The module that computes jobs, and converts trained models for them. */
export const trainedWorker = fileURLToPath(new URL("./worker-main.js", import.meta.url));

/** The file of models that is used if no flag and no variable names one. */
const usualSpec = "model-serve-spec.yaml";

/**
 * Serves trained models, which are converted into a cache when a job needs them first.
 *
 * @throws SPEC_INVALID; what `serve` throws
 */
export async function serveModels(
  { settings, openEngine, isInImage, writeLog }: ServeModelsOptions,
  work: WorkContext,
): Promise<void> {
  const { currentDirectory, environment, progress, signal } = work;
  const note = (line: string): void => progress.note(line);
  const absolute = (path: string): string => resolve(currentDirectory, path);
  const cacheFolder = settings.cacheDir ?? cacheFolderOrNull(environment) ?? absolute(settings.outputDir);
  const scheme = environment["DEFAULT_SEGMENT_SCHEME"] ?? "";
  if (scheme !== "" && scheme !== "SCT")
    note(
      `DEFAULT_SEGMENT_SCHEME=${scheme} has no effect: names become codes of SCT; metadata can give other codes`,
    );
  const served = await modelsOf({ settings, isInImage }, { absolute, note });
  await serve({
    ...served,
    settings,
    workerProgram: trainedWorker,
    workerEnvironment: await weightsVariable(served.modelFolder, work),
    openEngine,
    isInImage,
    needsMetadata: settings.spec !== null || !isInImage,
    cacheFolder,
    plugins: [],
    note,
    writeLog,
    signal,
  });
}

/** nnunet_serve keeps the weights of TotalSegmentator's tasks below the folder of the models. */
async function weightsVariable(
  modelFolder: string | null,
  { environment }: WorkContext,
): Promise<Readonly<Record<string, string>>> {
  const folder = modelFolder === null ? null : join(modelFolder, "totalseg");
  const isNamed = (environment["TOTALSEG_WEIGHTS_PATH"] ?? "") !== "";
  return folder === null || isNamed || !(await exists(folder)) ? {} : { TOTALSEG_WEIGHTS_PATH: folder };
}

interface ModelsContext {
  readonly absolute: (path: string) => string;
  readonly note: (line: string) => void;
}

/** An image without a file of models serves every model below the mounted folder. */
async function modelsOf(
  { settings: { spec, modelFolder }, isInImage }: Pick<ServeModelsOptions, "settings" | "isInImage">,
  { absolute, note }: ModelsContext,
): Promise<Served> {
  const path = absolute(spec ?? usualSpec);
  if (spec === null && isInImage && !(await exists(path)))
    return folderModels(modelFolder ?? places.anyModel.model);
  return specModels(path, { modelFolder, faultsOfNvidia }, note);
}
