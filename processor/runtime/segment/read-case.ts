import { counted } from "../../contract/counted.js";
import type { DicomSettings } from "../../contract/dicom-settings.js";
import type { InferencePlan } from "../../contract/manifest.js";
import { caseNote } from "../../contract/progress/run-event.js";
import { alignSeries } from "../../imaging/dicom/align-series.js";
import { dicomError } from "../../imaging/dicom/errors.js";
import { readDicomImage } from "../../imaging/dicom/read-dicom-image.js";
import { sopClassKind } from "../../imaging/dicom/sop-classes.js";
import { imageError } from "../../imaging/errors.js";
import { readImage } from "../../imaging/formats/read-image.js";
import { readLabelMap } from "../../imaging/formats/read-label-map.js";
import { stackChannels } from "../../imaging/formats/stack-channels.js";
import type { CaseVolume } from "../../imaging/volume/case-volume.js";
import type { CroppedGrid } from "../../imaging/volume/cropped-grid.js";
import type { Image } from "../../imaging/volume/image.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import { channelsOnSameAxes } from "../../imaging/volume/turn-image.js";
import { type CaseRequest, type ImageInput, placeOf } from "../cases/case.js";
import { preparedEnding } from "../cases/find-prepared-cases.js";
import { runtimeError } from "../errors.js";
import { memberWithoutEarlierStage } from "../model/load-model.js";
import { writeInputVolumes } from "../outputs/input-volume-output.js";
import { caseCrop } from "./crop-case.js";
import { joinBratsFiles } from "./join-brats-files.js";
import { partOfImage } from "./part-of-image.js";
import { readMask } from "./read-mask.js";
import { readPreparedCase } from "./read-prepared-case.js";
import type { SegmentContext } from "./segment-context.js";

/** A case as read from its files. */
export interface ReadCase {
  readonly request: CaseRequest;
  readonly volume: CaseVolume;
  /** An earlier stage's segmentation from outside; null if there is none. */
  readonly previousStage: LabelMap | null;
  /** The part of the image that the networks see; null for all of it. */
  readonly crop: CroppedGrid | null;
  /** True if nothing is to be found in the image, because the mask that it is cropped to is empty. */
  readonly isEmpty: boolean;
  /** The mask with which parts of the segmentation must overlap; null for none. */
  readonly reference: LabelMap | null;
  /** The image as it was stored. */
  readonly image: Pick<CaseVolume, "geometry" | "source">;
  /** Warnings about the image. */
  readonly warnings: readonly string[];
}

/**
 * Reads a case's channels, and the other images that its request names: masks, and the segmentation of an earlier stage
 * if the model needs one from outside. Writes the channels if requested.
 */
export async function readCase(request: CaseRequest, context: SegmentContext): Promise<ReadCase> {
  const warnings: string[] = [];
  const volume = await readVolume(request, context, (line) => {
    context.tools.onEvent(caseNote(request.name, "image", line));
    warnings.push(line);
  });
  const previousStage = await readPreviousStage(request, volume, context);
  const mask = request.refinement?.reference ?? null;
  const { pool } = context.tools;
  const reference = mask === null ? null : await readMask(mask.input, volume.geometry, pool);
  const wantedCrop = request.refinement?.crop ?? null;
  const cropped = wantedCrop === null ? null : await caseCrop(wantedCrop, volume.geometry, pool);
  await writeInputVolumes(request, volume);
  const image = { geometry: volume.geometry, source: volume.source };
  const crop = cropped?.grid ?? null;
  const isEmpty = cropped?.isEmpty ?? false;
  return { request, volume, previousStage, crop, isEmpty, reference, image, warnings };
}

async function readVolume(
  request: CaseRequest,
  context: SegmentContext,
  onWarning: (line: string) => void,
): Promise<CaseVolume> {
  const { channelNames, network, plan } = context.opened.model;
  const [first] = request.inputs;
  if (plan.nvidia !== undefined && first?.path.endsWith(preparedEnding))
    return readPreparedCase(first.path, network.inputChannels);
  const images = await readImages(request, context, onWarning);
  const volume = stackChannels(channelsOnSameAxes(images, plan.imageReader), { channelNames, onWarning });
  const areBratsFiles = request.inputs.length > 1 && (plan.nvidia?.brats ?? null) !== null;
  return areBratsFiles ? joinBratsFiles(volume) : volume;
}

/** Reads the images of a case, brings DICOM series onto one grid, and applies the user's own hook. */
export async function readImages(
  request: CaseRequest,
  { opened: { manifest, model }, settings, tools: { hooks, pool, signal } }: SegmentContext,
  onWarning: (line: string) => void,
): Promise<readonly Image[]> {
  const { name, inputs, outputs } = request;
  checkInputs(request, model.channelNames);
  const keepsDoubles = manifest.totalsegmentator !== null;
  const read = await Promise.all(
    inputs.map((input) => readInput(input, { plan: model.plan, settings, keepsDoubles, signal, onWarning })),
  );
  const images: Image[] = [];
  const isAligned = (channel: number): boolean => {
    const input = inputs[channel]!;
    return input.kind === "dicom" || input.isAligned === true;
  };
  for (const [channel, image] of (await alignSeries(read, { pool, isAligned, onWarning })).entries())
    images.push(
      await hooks.preProcessImage(image, {
        caseName: name,
        outputFile: outputs[0].path,
        inputFile: placeOf(inputs[channel]!),
        channel,
      }),
    );
  return images;
}

interface ReadInputOptions {
  readonly keepsDoubles: boolean;
  readonly plan: InferencePlan;
  readonly settings: DicomSettings;
  readonly signal: AbortSignal;
  readonly onWarning: (line: string) => void;
}

async function readInput(
  input: ImageInput,
  { plan, settings, keepsDoubles, signal, onWarning }: ReadInputOptions,
): Promise<Image> {
  const place = placeOf(input);
  if (input.kind === "dicom") {
    const { image, warnings } = await readDicomImage(input.path, settings, {
      signal,
      asStored: keepsDoubles,
    });
    for (const { message } of warnings) onWarning(`${place}: ${message}`);
    refuseProjection(image, { place, plan });
    return image;
  }
  const image = await readImage(input.path, { keepsDoubles, imageReader: plan.imageReader });
  if (image.zeroedVoxels !== undefined) onWarning(zeroedText(place, image.zeroedVoxels));
  return input.part === undefined ? image : partOfImage(image, input.part, place);
}

/** A projection image, such as a radiograph, is flat, and has no place in the patient. */
function refuseProjection(
  { source }: Image,
  { place, plan }: { readonly place: string; readonly plan: InferencePlan },
): void {
  if (source.format !== "dicom" || plan.dimensions === 2) return;
  const { modality, slices } = source.series;
  if (sopClassKind(slices[0]!.sopClassUid) === "projection")
    throw dicomError(
      "DICOM_UNSUPPORTED_SOP_CLASS",
      `${place}: a projection image (${modality}) is not a volume, which the model takes`,
    );
}

const zeroedText = (inputFile: string, voxels: number): string =>
  `${inputFile}: ${voxels === 1 ? "1 voxel was" : `${voxels} voxels were`} NaN or infinite and ${voxels === 1 ? "is" : "are"} read as 0, as in nnU-Net's own reader`;

/**
 * Checks the number of files before any file is read.
 *
 * @throws INPUT_CHANNELS if there are more files than channels
 */
function checkInputs({ name, inputs }: CaseRequest, channelNames: readonly string[]): void {
  if (inputs.length <= channelNames.length) return;
  const wanted = channelNames.map((channel, i) => `_${String(i).padStart(4, "0")} ${channel}`).join(", ");
  throw imageError(
    "INPUT_CHANNELS",
    `the model takes ${counted(channelNames.length, "file")} per case (${wanted}), but ${name} has ${inputs.length}: ${inputs.map(placeOf).join(", ")}; if they are separate cases, add a channel number to their names, such as ${name}_0001_0000`,
  );
}

/** Reads the segmentation of an earlier stage; returns null if no member continues a segmentation from outside. */
async function readPreviousStage(
  { name, previousStage: given }: CaseRequest,
  volume: CaseVolume,
  { opened }: SegmentContext,
): Promise<LabelMap | null> {
  const waiting = memberWithoutEarlierStage(opened);
  if (waiting === null) return null;
  if (given !== null) return readLabelMap(given.path, volume.geometry);
  const { configuration, previousStage } = waiting.model;
  throw runtimeError(
    "PREVIOUS_STAGE_MISSING",
    `${name}: ${configuration} continues ${previousStage!.configuration}, whose segmentation of this case is missing`,
  );
}
