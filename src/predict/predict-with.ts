import { basename, resolve } from "node:path";
import { mapNonEmpty } from "../../processor/contract/non-empty.js";
import { showEvents } from "../../processor/contract/progress/show-events.js";
import type { ImageSettings } from "../../processor/contract/run-settings.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { readMetadataFile } from "../../processor/dicom-objects/read-metadata.js";
import { runOnGpus } from "../../processor/runtime/batch/run-on-gpus.js";
import { type RefinementWishes, withPlaces } from "../../processor/runtime/cases/refinement-wishes.js";
import { type CaseExtras, noExtras } from "../../processor/runtime/entries/case-extras.js";
import {
  type PredictCasesOptions,
  type PredictionReport,
  predictCases,
} from "../../processor/runtime/entries/predict.js";
import { withBundledHook } from "../config/hook-bundle.js";
import { isConverted } from "../convert/converted-folder.js";
import type { ModelSet } from "../models/model-set.js";
import { type ModelRequest, requestedModels } from "../models/requested-models.js";
import type { WorkContext } from "../models/work-context.js";
import { withConvertedModel } from "./with-converted-model.js";

/** What nnunet_serve can do besides nnU-Net's prediction, as a command line says it. */
export interface PredictExtras {
  readonly refinement: RefinementWishes;
  readonly suffix: string | null;
  readonly savesInputs: boolean;
  /** True if images other than DICOM series are an error. */
  readonly requiresDicom: boolean;
  readonly fractionalAsSegments: boolean;
  readonly fractionalMetadataFile: string | null;
  readonly emptyMetadataFile: string | null;
}

/** A prediction as a command line or a program asks for it. Relative paths start from the current folder. */
export interface PredictRequest {
  /** Trained models, or the one folder that `convert` wrote. */
  readonly models: ModelRequest;
  /** Folders or files. */
  readonly inputs: readonly string[];
  readonly outputDir: string;
  /** For a cascade: the folder with its earlier stage's segmentations, instead of its model; null for none. */
  readonly previousStagePredictions: string | null;
  /** A module with hooks, in TypeScript or JavaScript; null for none. */
  readonly hookFile: string | null;
  /** Describes the segments of DICOM results; null for the model's labels. */
  readonly dicomMetadataFile: string | null;
  readonly settings: ImageSettings;
  readonly existing: PredictCasesOptions["existing"];
  /** What nnunet_serve can do besides; null for nothing. */
  readonly extras: PredictExtras | null;
  /** The folder for the converted model; null for the system's. */
  readonly temporaryFolder: string | null;
  /** The GPUs that segment cases side by side, by their names for CUDA_VISIBLE_DEVICES; absent to choose one. */
  readonly gpus?: readonly string[];
}

/**
 * Segments images without an image of the model. Trained models are converted into a temporary folder first; a
 * folder that `convert` wrote is used as it is.
 *
 * @throws USAGE if parts of the request contradict each other
 */
export async function predictWith(asked: PredictRequest, work: WorkContext): Promise<PredictionReport> {
  const request = await withMetadata(asked, work);
  const { modelDirs, folds, postProcessing } = request.models;
  const [first, ...others] = modelDirs;
  if (first !== undefined && others.length === 0) {
    const modelDir = resolve(work.currentDirectory, first);
    if (await isConverted(modelDir)) {
      if (!["auto", "off"].includes(postProcessing))
        throw sharedError("USAGE", "--postprocessing FILE is for trained models; give it to `convert`");
      return predict({ modelDir, folds }, request, work);
    }
  }
  const models = await modelsFor(request, work);
  const parent =
    request.temporaryFolder === null ? null : resolve(work.currentDirectory, request.temporaryFolder);
  return withConvertedModel(models, { work, parent }, (modelDir) =>
    predict({ modelDir, folds: null }, request, work),
  );
}

/** Reads the file of metadata before the model is converted. */
async function withMetadata(
  request: PredictRequest,
  { currentDirectory }: WorkContext,
): Promise<PredictRequest> {
  const { dicomMetadataFile, settings } = request;
  if (dicomMetadataFile === null) return request;
  const dicomMetadata = await readMetadataFile(resolve(currentDirectory, dicomMetadataFile));
  return { ...request, settings: { ...settings, dicomMetadata } };
}

async function modelsFor(
  { models: named, previousStagePredictions, settings }: PredictRequest,
  work: WorkContext,
): Promise<ModelSet> {
  const models = { ...named, taskOptions: settings };
  if (previousStagePredictions === null) return requestedModels(models, work);
  if (models.previousStage !== null)
    throw sharedError("USAGE", "--prev-stage-predictions and --prev-stage-model cannot be used together");
  const found = await requestedModels(models, work);
  return { ...found, members: mapNonEmpty(found.members, ({ model }) => ({ model, previousStage: null })) };
}

async function extrasOf(
  { refinement, suffix, savesInputs, requiresDicom, ...dicom }: PredictExtras,
  absolute: (path: string) => string,
): Promise<CaseExtras> {
  const read = async (path: string | null) =>
    path === null ? null : { place: basename(path), given: await readMetadataFile(absolute(path)) };
  return {
    refinement: withPlaces(refinement, absolute),
    suffix,
    savesInputs,
    requiresDicom,
    dicom: {
      fractionalAsSegments: dicom.fractionalAsSegments,
      fractionalMetadata: await read(dicom.fractionalMetadataFile),
      emptyMetadata: await read(dicom.emptyMetadataFile),
    },
  };
}

const silentTask = { advance: () => {}, done: () => {} };

async function predict(
  model: { readonly modelDir: string; readonly folds: readonly string[] | null },
  request: PredictRequest,
  { currentDirectory, progress, signal }: WorkContext,
): Promise<PredictionReport> {
  const { gpus = [] } = request;
  const absolute = (path: string): string => resolve(currentDirectory, path);
  const absoluteOrNull = (path: string | null): string | null => (path === null ? null : absolute(path));
  const extras = request.extras === null ? noExtras : await extrasOf(request.extras, absolute);
  return withBundledHook(absoluteOrNull(request.hookFile), (hookModule) =>
    predictCases({
      ...model,
      inputs: request.inputs.map(absolute),
      outputDir: absolute(request.outputDir),
      settings: request.settings,
      skipsPostProcessing: request.models.postProcessing === "off",
      saveProbabilities: request.settings.saveProbabilities,
      prevStageDir: absoluteOrNull(request.previousStagePredictions),
      existing: request.existing,
      extras,
      hookModule,
      // Bars of several cases at a time would overwrite each other.
      onEvent: showEvents(gpus.length < 2 ? progress : { ...progress, start: () => silentTask }),
      signal,
      ...(gpus.length === 0 ? {} : { run: runOnGpus(gpus) }),
    }),
  );
}
