import type { CaseRequest, CaseVolume } from "./case.js";
import { ProcessorError } from "./errors.js";
import type { Hooks } from "./hooks/hooks.js";
import { readImage } from "./image-io/read-image.js";
import { readLabelMap } from "./image-io/read-label-map.js";
import { stackChannels } from "./image-io/stack-channels.js";
import { writeLabelMap } from "./image-io/write-image.js";
import type { Networks } from "./inference/networks.js";
import type { ModelManifest } from "./model/manifest.js";
import { openProbabilityFile } from "./outputs/probability-file.js";
import type { WorkerPool } from "./parallel/worker-pool.js";
import { exportLabels } from "./postprocess/export-labels.js";
import type { Prepared } from "./preprocess/prepared.js";
import { preprocess } from "./preprocess/preprocess.js";
import { type ReorientedCase, reorientCase, unturned } from "./preprocess/reorient-case.js";
import type { Progress } from "./progress/progress.js";
import type { ImageSource } from "./volume/image.js";
import type { LabelMap } from "./volume/label-map.js";

/** What all cases of a run share. */
export interface SegmentContext {
  readonly model: ModelManifest;
  readonly networks: Networks;
  readonly pool: WorkerPool;
  readonly hooks: Hooks;
  readonly stepSize: number;
  readonly useTestTimeAugmentation: boolean;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

/** A case that waits for the network. */
export interface PreparedCase {
  readonly request: CaseRequest;
  readonly prepared: Prepared;
  readonly source: ImageSource;
  /** From the grid that the network saw to the image's own. */
  readonly turnBack: ReorientedCase["turnBack"];
}

/** The whole runtime for one case, top to bottom; `runCases` calls the three steps itself, so that neighbours overlap. */
export async function segmentCase(request: CaseRequest, context: SegmentContext): Promise<LabelMap> {
  const prepared = await prepareCase(request, context);
  const labelMap = await predictCase(prepared, context);
  return writeCase(labelMap, prepared, context);
}

/** Reads the channels and brings them onto the network's grid. */
export async function prepareCase(request: CaseRequest, context: SegmentContext): Promise<PreparedCase> {
  const { model, pool } = context;
  const read = await readVolume(request, context);
  const previous = model.previousStage === null ? null : await readPreviousStage(request, read, model);
  const { volume, turn, turnBack } = model.plan.imageReader.endsWith("WithReorient")
    ? await reorientCase(read, pool)
    : unturned(read);
  const previousStage = previous === null ? null : await turn(previous);
  const prepared = await preprocess(volume, { plan: model.plan, labels: model.labels, previousStage, pool });
  return { request, prepared, source: volume.source, turnBack };
}

/** Runs the network over the case and brings its answer back onto the image's grid. */
export async function predictCase(
  { request, prepared, turnBack }: PreparedCase,
  context: SegmentContext,
): Promise<LabelMap> {
  const { model, networks, pool, progress } = context;
  const { plan, labels } = model;
  const stream = networks.predict(prepared, {
    ...{ plan, labels, heads: model.network.outputChannels, stepSize: context.stepSize },
    mirrorAxes: context.useTestTimeAugmentation ? plan.mirrorAxes : [],
    startProgress: (total) =>
      progress.start({ label: `${request.name}: predicting`, total, unit: "windows" }),
    ...(context.signal === undefined ? {} : { signal: context.signal }),
  });
  const options = { history: prepared.history, plan, labels, pool };
  if (request.probabilitiesFile === null)
    return turnBack(await exportLabels(stream, { ...options, probabilities: null }));
  const file = await openProbabilityFile(request.probabilitiesFile, { ...options, heads: stream.heads });
  try {
    const labelMap = await exportLabels(stream, { ...options, probabilities: file });
    await file.finish();
    return await turnBack(labelMap);
  } finally {
    await file.discard();
  }
}

/** @returns the label map as written, after the user's own hook */
export async function writeCase(
  labelMap: LabelMap,
  { request, source }: PreparedCase,
  { hooks }: SegmentContext,
): Promise<LabelMap> {
  const context = { caseName: request.name, outputFile: request.outputFile };
  const final = await hooks.postProcessImage(labelMap, source, context);
  await writeLabelMap(final, request.outputFile, source);
  return final;
}

async function readVolume(
  request: CaseRequest,
  { model, hooks, progress }: SegmentContext,
): Promise<CaseVolume> {
  const { name, outputFile, channelFiles } = request;
  const preferSform = model.plan.imageReader.startsWith("Nibabel");
  const images = await Promise.all(
    channelFiles.map(async (inputFile, channel) => {
      const image = await readImage(inputFile, { preferSform });
      return hooks.preProcessImage(image, { caseName: name, outputFile, inputFile, channel });
    }),
  );
  return stackChannels(images, {
    channelNames: model.channelNames,
    onWarning: (line) => progress.note(`${name}: ${line}`),
  });
}

async function readPreviousStage(
  { name, previousStageFile }: CaseRequest,
  volume: CaseVolume,
  model: ModelManifest,
) {
  if (previousStageFile !== null) return readLabelMap(previousStageFile, volume.geometry);
  throw new ProcessorError(
    "PREVIOUS_STAGE_MISSING",
    `${name}: ${model.configuration} continues ${model.previousStage!.configuration}, whose segmentation of this case is missing`,
  );
}
