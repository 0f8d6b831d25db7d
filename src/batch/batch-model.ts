import { join, resolve } from "node:path";
import type { ImageSettings } from "../../processor/contract/run-settings.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { readMetadataFile } from "../../processor/dicom-objects/read-metadata.js";
import type { BatchModel } from "../../processor/runtime/batch/open-batch.js";
import { withBundledHook } from "../config/hook-bundle.js";
import { isConverted } from "../convert/converted-folder.js";
import { type ModelRequest, requestedModels } from "../models/requested-models.js";
import type { WorkContext } from "../models/work-context.js";
import { cachedConversion } from "../predict/converted-cache.js";

/** The model of a batch as a command line names it. Relative paths start from the current folder. */
export interface BatchModelRequest {
  /** Trained models, or the one folder that `convert` wrote. */
  readonly models: ModelRequest;
  /** The folder of the batch, in which trained models are converted once for all its processes. */
  readonly outputDir: string;
  readonly settings: ImageSettings;
  readonly dicomMetadataFile: string | null;
  /** A module with hooks, in TypeScript or JavaScript; null for none. */
  readonly hookFile: string | null;
}

/**
 * Finds the model of a batch, and converts it if it is a trained one.
 *
 * @throws what finding and converting a model throws
 */
export async function withBatchModel<T>(
  request: BatchModelRequest,
  work: WorkContext,
  use: (model: BatchModel) => Promise<T>,
): Promise<T> {
  const absolute = (path: string): string => resolve(work.currentDirectory, path);
  const { models, settings, dicomMetadataFile, hookFile } = request;
  const described =
    dicomMetadataFile === null
      ? settings
      : { ...settings, dicomMetadata: await readMetadataFile(absolute(dicomMetadataFile)) };
  const { modelDir, folds } = await convertedModel(request, work);
  return withBundledHook(hookFile === null ? null : absolute(hookFile), (hookModule) =>
    use({
      modelDir,
      folds,
      appliesPostProcessing: models.postProcessing !== "off",
      settings: described,
      hookModule,
    }),
  );
}

async function convertedModel(
  { models, outputDir }: BatchModelRequest,
  work: WorkContext,
): Promise<Pick<BatchModel, "modelDir" | "folds">> {
  const { modelDirs, folds, postProcessing } = models;
  const [first, ...others] = modelDirs;
  if (first !== undefined && others.length === 0) {
    const modelDir = resolve(work.currentDirectory, first);
    if (await isConverted(modelDir)) {
      if (!["auto", "off"].includes(postProcessing))
        throw sharedError("USAGE", "--postprocessing FILE is for trained models; give it to `convert`");
      return { modelDir, folds: folds.length === 0 ? null : folds };
    }
  }
  const found = await requestedModels(models, work);
  const place = join(resolve(work.currentDirectory, outputDir), "models");
  return { modelDir: await cachedConversion(found, place, work), folds: null };
}
