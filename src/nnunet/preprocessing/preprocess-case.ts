import type { InferencePlan } from "../../../processor/contract/manifest.js";
import { isNibabel, reorients } from "../../../processor/contract/reader-class.js";
import { nibabelAffine } from "../../../processor/imaging/formats/nifti/nibabel-affine.js";
import { labelMapOf } from "../../../processor/imaging/formats/read-label-map.js";
import { stackChannels } from "../../../processor/imaging/formats/stack-channels.js";
import { resampleLabels } from "../../../processor/imaging/resampling/resample-labels.js";
import { voxelCount, type Zyx } from "../../../processor/imaging/volume/axes.js";
import type { CaseVolume } from "../../../processor/imaging/volume/case-volume.js";
import { distinctLabels } from "../../../processor/imaging/volume/distinct-labels.js";
import type { Geometry } from "../../../processor/imaging/volume/geometry.js";
import type { Image } from "../../../processor/imaging/volume/image.js";
import type { LabelMap } from "../../../processor/imaging/volume/label-map.js";
import { channelsOnSameAxes, inOrientationOf } from "../../../processor/imaging/volume/turn-image.js";
import type { PreprocessHistory } from "../../../processor/nnunet-files/preprocess-history.js";
import { propertiesPickle } from "../../../processor/nnunet-files/properties-pickle.js";
import { historyOf, networkSize } from "../../../processor/runtime/preprocess/crop-history.js";
import {
  copyLabels,
  cropAndTranspose,
  type Grids,
  nonzeroMask,
  runLength,
  toNetworkGrid,
} from "../../../processor/runtime/preprocess/preprocess.js";
import { reorientCase, withoutReorientation } from "../../../processor/runtime/preprocess/reorient-case.js";
import { type ImageReaderName, readWith } from "../datasets/image-reader.js";
import { inlinePool } from "../threads/inline-pool.js";
import { classLocations, type LocationKey, pickledLocations } from "./class-locations.js";
import { clipsInfinite } from "./clips-infinite.js";

export interface CaseOnGridTask {
  readonly reader: ImageReaderName;
  readonly images: readonly string[];
  readonly label: string;
  readonly plan: InferencePlan;
  readonly channelNames: readonly string[];
}

export interface PreprocessCaseTask extends CaseOnGridTask {
  readonly locationKeys: readonly LocationKey[];
}

/** A training case on the network's grid, and how it got there. */
export interface CaseOnGrid {
  /** `channel × z × y × x`. */
  readonly data: Float32Array;
  /** −1 outside the non-zero region. */
  readonly segmentation: Int16Array;
  readonly sizeZyx: Zyx;
  readonly channelCount: number;
  readonly history: PreprocessHistory;
  /** The image before a "WithReorient" reader turned it. */
  readonly image: CaseVolume;
  /** The distinct labels of the crop before resampling, ascending. */
  readonly classes: readonly number[];
}

/** A training case with its `<case>.pkl` of nnU-Net v2. */
export interface PreprocessedCase extends CaseOnGrid {
  readonly properties: Uint8Array;
}

/** Preprocesses one training case as nnU-Net v2 does, and draws the locations of its classes. */
export async function preprocessCase(task: PreprocessCaseTask): Promise<PreprocessedCase> {
  const prepared = await caseOnGrid(task);
  const { segmentation, sizeZyx, history, image } = prepared;
  const locations = classLocations(segmentation, task.locationKeys);
  const properties = propertiesPickle({
    imageReader: task.reader,
    history,
    image,
    affine: nibabelAffine(image),
    further: [["class_locations", pickledLocations(locations, sizeZyx)]],
  });
  return { ...prepared, properties };
}

/**
 * Brings one training case to the network's grid: transposes and crops it, then normalises and resamples it (v2) or resamples
 * and normalises it (v1).
 */
export async function caseOnGrid(task: CaseOnGridTask): Promise<CaseOnGrid> {
  const { reader, plan, channelNames } = task;
  const pool = inlinePool;
  const read: Image[] = [];
  for (const path of task.images) read.push(await readWith(reader, path));
  const images = channelsOnSameAxes(read, reader);
  const takesInfinite = (channel: number) => clipsInfinite(plan, channel);
  const image = stackChannels(images, { channelNames, onWarning: () => {}, takesInfinite });
  const affine = nibabelAffine(image);
  const turned = reorients(reader)
    ? await reorientCase(image, { pool, affine: isNibabel(reader) ? affine : null })
    : withoutReorientation(image);
  const labelMap = await turned.toNetworkOrientation(await labelsOnGridOf(image.geometry, task));
  const { volume } = turned;

  const history = await historyOf(volume, { plan, pool });
  const cropped = await cropAndTranspose(volume, history, { plan, pool });
  const labels = await copyLabels(labelMap, history.cropBoxZyx, { plan, pool });
  // It also marks the label's background outside the non-zero region as −1.
  const mask = await nonzeroMask(cropped, {
    history,
    previous: labels,
    imageChannels: volume.channelCount,
    pool,
  });
  const grids: Grids = {
    fromSizeZyx: history.sizeAfterCroppingZyx,
    toSizeZyx: networkSize(history, plan),
    fromSpacingMmZyx: history.originalSpacingMmZyx,
    toSpacingMmZyx: history.networkSpacingMmZyx,
    pool,
  };
  const segmentation = await resampleLabels(labels, { ...grids, rule: plan.resampleSegmentation });
  const data = await toNetworkGrid(cropped, mask, {
    grids,
    plan,
    imageChannels: volume.channelCount,
    previousLabels: null,
    labels: { foregroundLabels: [] },
    ...(plan.normalizeFirst ? {} : { networkMask: insideOf(segmentation) }),
    runLength: plan.normalizeFirst ? runLength(history, plan) : voxelCount(grids.toSizeZyx),
    path: image.source.path,
  });
  return {
    data,
    segmentation,
    sizeZyx: grids.toSizeZyx,
    channelCount: volume.channelCount,
    history,
    image,
    classes: distinctLabels(labels),
  };
}

/** A "WithReorient" reader turns the labels by their own orientation, which may differ from that of the image. */
async function labelsOnGridOf(grid: Geometry, { reader, label }: CaseOnGridTask): Promise<LabelMap> {
  const read = await readWith(reader, label);
  return labelMapOf(reorients(reader) ? inOrientationOf(grid, read) : read, label, grid);
}

/** v1 normalises where the resampled labels are not −1; where labels meet, that can differ from the resampled mask. */
function insideOf(segmentation: Int16Array): Uint8Array<SharedArrayBuffer> {
  const inside = new Uint8Array(new SharedArrayBuffer(segmentation.length));
  for (let i = 0; i < inside.length; i++) inside[i] = segmentation[i]! < 0 ? 0 : 1;
  return inside;
}
