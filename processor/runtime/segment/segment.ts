import { counted } from "../../contract/counted.js";
import type { ExportMode, ModelManifest, PostProcessingStep } from "../../contract/manifest.js";
import { writeFileWhole } from "../../files/write-file.js";
import { imageError } from "../../imaging/errors.js";
import { nibabelAffine } from "../../imaging/formats/nifti/nibabel-affine.js";
import { readImage } from "../../imaging/formats/read-image.js";
import { readLabelMap } from "../../imaging/formats/read-label-map.js";
import { stackChannels } from "../../imaging/formats/stack-channels.js";
import { writeLabelMap } from "../../imaging/formats/write-image.js";
import type { CaseVolume } from "../../imaging/volume/case-volume.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import { propertiesFileOf, propertiesPickle } from "../../nnunet-files/properties-pickle.js";
import { propertiesPickleV1 } from "../../nnunet-files/properties-pickle-v1.js";
import type { CaseRequest } from "../cases/case.js";
import { runtimeError } from "../errors.js";
import type { Hooks } from "../hooks/hooks.js";
import { inWritersType } from "../outputs/label-type.js";
import { openProbabilityFile } from "../outputs/probability-file.js";
import { type ExportSource, exportLabels } from "../postprocess/export-labels.js";
import { exportNetworkLabels } from "../postprocess/export-network-labels.js";
import { removeComponents, type StepReport } from "../postprocess/remove-components.js";
import type { Prepared } from "../preprocess/prepared.js";
import { type ReorientedCase, reorientCase, unturned } from "../preprocess/reorient-case.js";
import {
  firstStage,
  type MemberContext,
  type MemberInput,
  predictMembers,
  prepareStage,
} from "./predict-members.js";

/** What all cases of a run share. */
export interface SegmentContext extends MemberContext {
  /** The first member's; its channels and labels are those of all. */
  readonly model: ModelManifest;
  readonly postProcessing: readonly PostProcessingStep[];
  readonly exportMode: ExportMode;
  readonly hooks: Hooks;
}

/** A case that waits for the network. */
export interface PreparedCase {
  readonly request: CaseRequest;
  /** On the grid of the stage that runs first. */
  readonly prepared: Prepared;
  readonly input: MemberInput;
  /** The image as it lies. */
  readonly image: Pick<CaseVolume, "geometry" | "source">;
  /** Warnings about the image, from reading it. */
  readonly warnings: readonly string[];
  /** From the grid that the networks saw to the image's own. */
  readonly turnBack: ReorientedCase["turnBack"];
}

/** The answer to one case. */
export interface Segmented {
  readonly labelMap: LabelMap;
  /** What post-processing removed. */
  readonly removed: readonly StepReport[];
}

/**
 * Reads the channels and brings them onto the first network's grid: the first of a case's three steps. `runCases` calls
 * `predictCase` and `writeCase` after it, so that neighbours overlap.
 */
export async function prepareCase(request: CaseRequest, context: SegmentContext): Promise<PreparedCase> {
  const { model, members, pool } = context;
  const warnings: string[] = [];
  const read = await readVolume(request, context, (line) => {
    context.progress.note(`${request.name}: ${line}`);
    warnings.push(line);
  });
  const previous = await readPreviousStage(request, read, context);
  const { imageReader } = model.plan;
  const affine = imageReader.startsWith("Nibabel") ? nibabelAffine(read) : null;
  const { volume, turn, turnBack } = imageReader.endsWith("WithReorient")
    ? await reorientCase(read, { pool, affine })
    : unturned(read);
  const previousStage = previous === null ? null : await turn(previous);
  const input = { caseName: request.name, volume, previousStage };
  const prepared = await prepareStage(firstStage(members), input, context);
  const image = { geometry: read.geometry, source: read.source };
  return { request, prepared, input, image, warnings, turnBack };
}

/** Runs the networks over the case and brings their answer back onto the image's grid. */
export async function predictCase(preparedCase: PreparedCase, context: SegmentContext): Promise<Segmented> {
  const { prepared, input, turnBack } = preparedCase;
  const { pool, postProcessing, model } = context;
  const onNetworksSide = await predictMembers(input, prepared, context, (sources) =>
    exportAnswer(sources, preparedCase, context),
  );
  const labelMap = await turnBack(onNetworksSide);
  const removed = await removeComponents(labelMap, postProcessing, pool);
  return { labelMap: inWritersType(labelMap, model), removed };
}

async function exportAnswer(
  sources: readonly ExportSource[],
  { request, image }: PreparedCase,
  { model, pool, exportMode }: SegmentContext,
): Promise<LabelMap> {
  const { labels, nnunetVersion } = model;
  const { probabilitiesFile, channelFiles } = request;
  const [first] = sources as [ExportSource];
  const { history, plan, stream } = first;
  if (exportMode !== "normal") return exportNetworkLabels(first, { labels, pool, mode: exportMode });
  if (probabilitiesFile === null) return exportLabels(sources, { labels, pool, probabilities: null });
  const form = { nnunetVersion, heads: stream.heads, history, plan, labels };
  const file = await openProbabilityFile(probabilitiesFile, form);
  try {
    const labelMap = await exportLabels(sources, { labels, pool, probabilities: file });
    await file.finish();
    const properties =
      nnunetVersion === 1
        ? propertiesPickleV1({ history, plan, labels, networkSizeZyx: stream.sizeZyx, channelFiles })
        : propertiesPickle({ imageReader: plan.imageReader, history, image, affine: nibabelAffine(image) });
    await writeFileWhole(propertiesFileOf(probabilitiesFile), [properties]);
    return labelMap;
  } finally {
    await file.discard();
  }
}

/** @returns the label map as written, after the user's own hook */
export async function writeCase(
  labelMap: LabelMap,
  { request, image: { source } }: PreparedCase,
  { hooks }: SegmentContext,
): Promise<LabelMap> {
  const context = { caseName: request.name, outputFile: request.outputFile };
  const final = await hooks.postProcessImage(labelMap, source, context);
  await writeLabelMap(final, request.outputFile, source);
  return final;
}

async function readVolume(
  request: CaseRequest,
  { model, hooks }: SegmentContext,
  onWarning: (line: string) => void,
): Promise<CaseVolume> {
  const { name, outputFile, channelFiles } = request;
  checkChannelFiles(request, model.channelNames);
  const preferSform = model.plan.imageReader.startsWith("Nibabel");
  const images = await Promise.all(
    channelFiles.map(async (inputFile, channel) => {
      const image = await readImage(inputFile, { preferSform, imageReader: model.plan.imageReader });
      if (image.zeroedVoxels !== undefined) onWarning(zeroedText(inputFile, image.zeroedVoxels));
      return hooks.preProcessImage(image, { caseName: name, outputFile, inputFile, channel });
    }),
  );
  return stackChannels(images, {
    channelNames: model.channelNames,
    onWarning,
  });
}

const zeroedText = (inputFile: string, voxels: number): string =>
  `${inputFile}: ${voxels === 1 ? "1 voxel was" : `${voxels} voxels were`} NaN or infinite and ${voxels === 1 ? "is" : "are"} read as 0, as in nnU-Net's own reader`;

/** @throws INPUT_CHANNELS before any file is read, when there are more files than channels */
function checkChannelFiles({ name, channelFiles }: CaseRequest, channelNames: readonly string[]): void {
  if (channelFiles.length <= channelNames.length) return;
  const wanted = channelNames.map((channel, i) => `_${String(i).padStart(4, "0")} ${channel}`).join(", ");
  throw imageError(
    "INPUT_CHANNELS",
    `the model takes ${counted(channelNames.length, "file")} per case (${wanted}), but ${name} has ${channelFiles.length}: ${channelFiles.join(", ")}; if they are separate cases, add a channel number to their names, such as ${name}_0001_0000`,
  );
}

/** Null when no member continues a segmentation from outside. */
async function readPreviousStage(
  { name, previousStageFile }: CaseRequest,
  volume: CaseVolume,
  { members }: SegmentContext,
): Promise<LabelMap | null> {
  const waiting = members.find(
    ({ model, previousStage }) => model.previousStage !== null && previousStage === null,
  );
  if (waiting === undefined) return null;
  if (previousStageFile !== null) return readLabelMap(previousStageFile, volume.geometry);
  const { configuration, previousStage } = waiting.model;
  throw runtimeError(
    "PREVIOUS_STAGE_MISSING",
    `${name}: ${configuration} continues ${previousStage!.configuration}, whose segmentation of this case is missing`,
  );
}
