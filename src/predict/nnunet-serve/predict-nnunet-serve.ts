import { rm, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { showEvents } from "../../../processor/contract/progress/show-events.js";
import { predictDefaults } from "../../../processor/contract/setting-choices.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { whyNotFound } from "../../../processor/files/why-unreadable.js";
import {
  type CaseReport,
  type ImageInput,
  imageFile,
  placeOf,
} from "../../../processor/runtime/cases/case.js";
import { caseFailure } from "../../../processor/runtime/cases/case-failure.js";
import { isDicomInput } from "../../../processor/runtime/cases/find-dicom.js";
import { refinementOf, withPlaces } from "../../../processor/runtime/cases/refinement-wishes.js";
import { predictOneCase } from "../../../processor/runtime/entries/predict-one-case.js";
import { runtimeError } from "../../../processor/runtime/errors.js";
import { isConverted } from "../../convert/converted-folder.js";
import { requestedModels } from "../../models/requested-models.js";
import type { WorkContext } from "../../models/work-context.js";
import { cachedConversion } from "../converted-cache.js";
import { withConvertedModel } from "../with-converted-model.js";
import { withJobStatus } from "./job-status.js";
import { dicomFiles, type ServeFiles, serveDicom, serveFiles, serveOutputs } from "./serve-outputs.js";
import type { ServeRequest } from "./serve-request.js";

/** The result of a job. */
export interface ServeReport {
  readonly case: CaseReport;
  readonly files: ServeFiles;
  /** True if no voxel was segmented. */
  readonly isEmpty: boolean;
}

/** Segments the case of a request. */
export type SegmentServed = (request: ServeRequest, work: WorkContext) => Promise<ServeReport>;

/**
 * Runs one job: segments the case, and then reports its end in the log file and at the address that the request names.
 *
 * @throws the error that ended the job, after it was reported
 */
export async function runServeJob(
  request: ServeRequest,
  work: WorkContext,
  segment: SegmentServed = segmentHere,
): Promise<ServeReport> {
  for (const line of request.notes) work.progress.note(line);
  return withJobStatus(request.job, work, async () => {
    const report = await segment(request, work);
    return { result: report, isEmpty: report.isEmpty && request.dicom.emptySegmentMetadata === null };
  });
}

async function segmentHere(request: ServeRequest, work: WorkContext): Promise<ServeReport> {
  const absolute = (path: string): string => resolve(work.currentDirectory, path);
  const channels = await channelsOf(request.seriesPaths.map(absolute));
  const isDicom = channels[0]!.kind === "dicom";
  if (!isDicom) refuseDicomOptions(request);
  const folder = absolute(request.outputDir);
  const files = serveFiles(request, folder);
  const dicom = isDicom ? await serveDicom(request, { folder, absolute }) : null;
  const refinement = await refinementOf(withPlaces(request.refinement, absolute), "volume");
  const began = Date.now();
  const found = await withModel(request, work, (modelDir, folds) =>
    predictOneCase({
      modelDir,
      folds,
      name: "volume",
      channels,
      settings: {
        ...request.reading.settings.applyTo(predictDefaults()),
        useTestTimeAugmentation: request.usesTta,
        device: request.device,
      },
      refinement,
      outputs: serveOutputs(request, files),
      dicom,
      onEvent: showEvents(work.progress),
      signal: work.signal,
    }),
  );
  if (found.error !== undefined) throw caseFailure(found.error);
  const isEmpty = found.labels!.every(({ voxels }) => voxels === 0);
  const written = dicom === null ? [] : await keepNew(dicomFiles(dicom), began);
  return { case: found, files: { ...files, dicom: written }, isEmpty };
}

/** File systems keep times in steps of at most two seconds. */
const timeStepMs = 2000;

/** Removes the files of an earlier job, because an empty segmentation has none; returns the others. */
async function keepNew(paths: readonly string[], beganMs: number): Promise<readonly string[]> {
  const kept: string[] = [];
  for (const path of paths) {
    const found = await stat(path).catch(() => null);
    if (found === null) continue;
    if (found.mtimeMs >= beganMs - timeStepMs) kept.push(path);
    else await rm(path, { force: true });
  }
  return kept;
}

/**
 * Recognises DICOM series, before the model is converted.
 *
 * @throws INPUT_NOT_FOUND; IMAGE_UNSUPPORTED for a folder without a series; INPUT_AMBIGUOUS for series among other images
 */
async function channelsOf(paths: readonly string[]): Promise<readonly ImageInput[]> {
  const channels: ImageInput[] = [];
  for (const path of paths) {
    const found = await stat(path).catch(async (cause: unknown) => {
      throw sharedError("INPUT_NOT_FOUND", `${path}${await whyNotFound(path, cause)}`, { cause });
    });
    if (await isDicomInput(path, found)) channels.push({ kind: "dicom", path });
    else if (!found.isDirectory()) channels.push(imageFile(path));
    else
      throw sharedError(
        "INPUT_NOT_FOUND",
        `${path} has no DICOM series; of other formats, name the file of each channel`,
      );
  }
  const kinds = new Set(channels.map(({ kind }) => kind));
  if (kinds.size > 1)
    throw runtimeError(
      "INPUT_AMBIGUOUS",
      `DICOM series and other images cannot be channels of one case: ${channels.map(placeOf).join(", ")}`,
    );
  return channels;
}

/** @throws USAGE for an option about DICOM files that would have no effect */
function refuseDicomOptions({ dicom, reading }: ServeRequest): void {
  const [firstOfReading] = reading.words;
  const option = dicom.isRequired
    ? "--is_dicom (-D)"
    : dicom.writesStructures
      ? "--rt_struct_output"
      : dicom.fractionalAsSegments
        ? "--fractional_as_segments"
        : (firstOfReading ?? null);
  if (option !== null) throw sharedError("USAGE", `${option} needs DICOM input, but the input is not DICOM`);
}

/** Uses a converted folder as it is, and converts a trained model into the cache or a temporary folder. */
async function withModel<T>(
  { modelPath, checkpointName, folds, temporaryFolder, cacheFolder }: ServeRequest,
  work: WorkContext,
  use: (modelDir: string, folds: readonly string[] | null) => Promise<T>,
): Promise<T> {
  const modelDir = resolve(work.currentDirectory, modelPath);
  if (await isConverted(modelDir)) return use(modelDir, folds);
  const models = await requestedModels(
    {
      modelDirs: [modelPath],
      task: null,
      configurations: null,
      checkpointName,
      folds,
      onnxFiles: null,
      nvidia: null,
      previousStage: null,
      postProcessing: "off",
    },
    work,
  );
  if (cacheFolder !== null) return use(await cachedConversion(models, cacheFolder, work), null);
  const parent = temporaryFolder === null ? null : resolve(work.currentDirectory, temporaryFolder);
  return withConvertedModel(models, { work, parent }, (folder) => use(folder, null));
}
