import { join, resolve } from "node:path";
import { cacheFolderOrNull } from "../../../processor/contract/cache-folder.js";
import { specModels } from "../../../processor/runtime/service/start/image-models.js";
import { serve } from "../../../processor/runtime/service/start/serve.js";
import type { ServeSettings } from "../../../processor/runtime/service/start/serve-settings.js";
import type { WorkContext } from "../../models/work-context.js";
import { taskFolder } from "../task-folder.js";

export interface ServeModelsOptions {
  readonly settings: ServeSettings;
  readonly isInImage: boolean;
  /** Receives lines of JSON. */
  readonly writeLog: (line: string) => void;
}

/** The file of models that is used if no flag and no variable names one. */
const usualSpec = "model-serve-spec.yaml";

/**
 * Serves trained models, which are converted into a cache when a job needs them first.
 *
 * @throws SPEC_INVALID; what `serve` throws
 */
export async function serveModels(
  { settings, isInImage, writeLog }: ServeModelsOptions,
  work: WorkContext,
): Promise<void> {
  const { currentDirectory, environment, progress, signal } = work;
  const note = (line: string): void => progress.note(line);
  const absolute = (path: string): string => resolve(currentDirectory, path);
  const spec = absolute(settings.spec ?? usualSpec);
  const cacheFolder = settings.cacheDir ?? cacheFolderOrNull(environment) ?? absolute(settings.outputDir);
  const served = await specModels(spec, settings.modelFolder, note, (task) =>
    taskFolder(task, join(cacheFolder, "models"), work),
  );
  await serve({
    ...served,
    settings,
    workerProgram: join(import.meta.dirname, "worker-main.js"),
    openEngine: null,
    isInImage,
    needsMetadata: true,
    cacheFolder,
    plugins: [],
    note,
    writeLog,
    signal,
  });
}
