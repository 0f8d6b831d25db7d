import { checkSettingsForModel } from "../config/check-settings.js";
import type { ConversionMemo } from "../convert/conversion-memo.js";
import { convertModel } from "../convert/convert-model.js";
import type { StageFile } from "../ground/files/all-or-nothing.js";
import { programVersion } from "../ground/files/package-root.js";
import type { DigestedFile } from "../ground/files/write-digested.js";
import { planAnyModelImage } from "../image/any-model-image-plan.js";
import { listCodecFiles } from "../image/codec-files.js";
import { listConverterFiles } from "../image/converter-files.js";

import type { ImagePlan, LayerFile } from "../image/image-plan.js";
import { listPageFiles } from "../image/page-files.js";
import { listProcessorFiles } from "../image/processor-files.js";
import { type BaseImageFacts, modelFiles, planProcessorImage } from "../image/processor-image-plan.js";
import { listInvokeFiles, listServiceFiles, servicePackages } from "../image/service-files.js";
import { platformOf } from "../targets/targets.js";
import type { BuildFolder } from "./build-folder.js";
import type { BuildRequest } from "./build-request.js";
import { writeModelTarball } from "./model-tarball.js";

/** The name of the converted model's folder in the build folder. */
export const convertedName = "converted";

/** The plan of an image, and the model's tarball if the model is not in the image. */
export interface PlannedBuild {
  readonly plan: ImagePlan;
  readonly modelTarball: DigestedFile | null;
}

export interface PlanContext {
  readonly base: BaseImageFacts;
  readonly folder: BuildFolder;
  readonly stage: StageFile;
  /** Recalls the results of earlier conversions, so that unchanged checkpoints are converted only if their layer is missing; null to convert everything. */
  readonly memo: ConversionMemo | null;
}

/** Converts the model, plans its image, and writes the model's tarball if one was requested. */
export async function planBuild(
  request: BuildRequest,
  { base, folder, stage, memo }: PlanContext,
): Promise<PlannedBuild> {
  const { models, settings, hookFile, image, outputs } = request;
  if (models === null) return { plan: await planWithoutModel(request, base), modelTarball: null };
  const { target, platform } = image;
  const { cacheFolder, progress, signal } = request.context;
  const outputDir = folder.place(convertedName);
  const converted = await convertModel({
    models,
    settings,
    outputDir,
    progress,
    signal,
    ...(memo === null ? {} : { memo }),
  });
  checkSettingsForModel(converted.manifest);
  const where = platformOf(target.kind);
  where.check(target, converted.manifest);
  const targetImage = await where.image(target, { platform, cacheFolder, progress, signal });
  const plan = planProcessorImage({
    converted,
    targetImage,
    platform,
    carriesModel: outputs.modelTarball === null,
    description: { ...image.description, processorVersion: await programVersion() },
    processorFiles: await listProcessorFiles(),
    codecFiles: codecsOf(request),
    serviceFiles: await serviceFilesOf(request),
    pageFiles: hasService(request) ? await listPageFiles() : [],
    base,
    hookFile,
  });
  if (outputs.modelTarball === null) return { plan, modelTarball: null };
  const path = outputs.modelTarball;
  const modelTarball = await writeModelTarball(modelFiles(converted, hookFile), {
    path,
    writtenTo: stage(path),
    signal,
  });
  return { plan, modelTarball };
}

async function planWithoutModel(request: BuildRequest, base: BaseImageFacts): Promise<ImagePlan> {
  const { platform, description } = request.image;
  return planAnyModelImage({
    platform,
    description: { ...description, processorVersion: await programVersion() },
    processorFiles: await listProcessorFiles(),
    codecFiles: codecsOf(request),
    serviceFiles: hasService(request) ? await listServiceFiles() : [],
    pageFiles: hasService(request) ? await listPageFiles() : [],
    converterFiles: await listConverterFiles(hasService(request) ? await servicePackages() : []),
    base,
  });
}

const codecsOf = ({ image }: BuildRequest): readonly LayerFile[] =>
  image.leftOut.includes("dicom") ? [] : listCodecFiles();

const hasService = ({ image }: BuildRequest): boolean => !image.leftOut.includes("service");

function serviceFilesOf(request: BuildRequest): Promise<readonly LayerFile[]> {
  if (hasService(request)) return listServiceFiles();
  return platformOf(request.image.target.kind).answersRequests ? listInvokeFiles() : Promise.resolve([]);
}
