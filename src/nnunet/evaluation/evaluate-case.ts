import type { PostProcessingStep } from "../../../processor/contract/manifest.js";
import { reorients } from "../../../processor/contract/reader-class.js";
import { imageError } from "../../../processor/imaging/errors.js";
import { readImage, readImageInBlocks } from "../../../processor/imaging/formats/read-image.js";
import type { Image, ImageHead } from "../../../processor/imaging/volume/image.js";
import { inOrientationOf } from "../../../processor/imaging/volume/turn-image.js";
import { withLargestComponents } from "../selection/largest-components.js";
import { VoxelCounter, type VoxelCounts } from "./count-voxels.js";
import { boxOf, cutOut, type SurfaceScores, surfaceScores } from "./surface-distances.js";

/** One case to score, in a worker thread. */
export interface EvaluateCaseTask {
  readonly referenceFile: string;
  readonly predictionFile: string;
  /** The reader class of the data set, which decides what the axes of a TIFF file are; null if it is not known. */
  readonly imageReader: string | null;
  /** For each label or region that is scored, its labels. */
  readonly regions: readonly (readonly number[])[];
  readonly ignoreLabel: number | null;
  /** The steps of a post-processing that the prediction passes first. */
  readonly postProcessing: readonly PostProcessingStep[];
  /** Null to leave the distances between surfaces out. */
  readonly toleranceMm: number | null;
}

export interface CaseResult {
  readonly counts: readonly VoxelCounts[];
  /** For each label or region; null without a tolerance. */
  readonly surfaces: readonly SurfaceScores[] | null;
  /** The volume of one voxel. */
  readonly voxelVolumeMm3: number;
}

/**
 * Reads a reference and a prediction and compares them. As in nnU-Net, only their sizes must be equal; where they are in
 * space does not matter, but a "WithReorient" reader turns each of them by its own orientation.
 *
 * @throws GEOMETRY_MISMATCH if the sizes differ; IMAGE_UNSUPPORTED for colours; the errors of `readImage`
 */
export async function evaluateCase(task: EvaluateCaseTask): Promise<CaseResult> {
  const { referenceFile, predictionFile, imageReader, regions, ignoreLabel, toleranceMm } = task;
  const reference = await readLabels(referenceFile, imageReader);
  const counter = new VoxelCounter(regions, ignoreLabel);
  const voxelVolumeMm3 = reference.geometry.spacingMmZyx.reduce((product, spacing) => product * spacing, 1);
  if (toleranceMm === null && task.postProcessing.length === 0 && !reorients(imageReader)) {
    await readImageInBlocks(predictionFile, { imageReader }, (head) => {
      checkComponents(predictionFile, head);
      checkSizes(reference, head, task);
      return (voxels, start) => counter.add(reference.voxels.subarray(start, start + voxels.length), voxels);
    });
    return { counts: counter.counts(), surfaces: null, voxelVolumeMm3 };
  }
  const prediction = await readPrediction(task, reference);
  checkSizes(reference, prediction, task);
  counter.add(reference.voxels, prediction.voxels);
  const surfaces =
    toleranceMm === null
      ? null
      : regions.map((region) => surfacesOf({ reference, prediction }, { region, ignoreLabel, toleranceMm }));
  return { counts: counter.counts(), surfaces, voxelVolumeMm3 };
}

async function readPrediction(
  { predictionFile, imageReader, postProcessing }: EvaluateCaseTask,
  reference: Image,
): Promise<Image> {
  const stored = await readLabels(predictionFile, imageReader);
  const original = reorients(imageReader) ? inOrientationOf(reference.geometry, stored) : stored;
  return postProcessing.length === 0
    ? original
    : withLargestComponents(original, postProcessing, predictionFile);
}

function checkSizes(
  reference: ImageHead,
  prediction: ImageHead,
  { referenceFile, predictionFile }: EvaluateCaseTask,
): void {
  const sizes = [reference, prediction].map(({ geometry }) => geometry.sizeZyx.join(" × "));
  if (sizes[0] !== sizes[1])
    throw imageError(
      "GEOMETRY_MISMATCH",
      `${predictionFile} has ${sizes[1]} voxels (z × y × x), but its reference ${referenceFile} has ${sizes[0]}`,
    );
}

async function readLabels(path: string, imageReader: string | null): Promise<Image> {
  const image = await readImage(path, { imageReader });
  checkComponents(path, image);
  return image;
}

function checkComponents(path: string, { components }: ImageHead): void {
  if (components !== 1)
    throw imageError(
      "IMAGE_UNSUPPORTED",
      `${path} has ${components} values for each voxel; a segmentation has one`,
    );
}

function surfacesOf(
  { reference, prediction }: { readonly reference: Image; readonly prediction: Image },
  {
    region,
    ignoreLabel,
    toleranceMm,
  }: {
    readonly region: readonly number[];
    readonly ignoreLabel: number | null;
    readonly toleranceMm: number;
  },
): SurfaceScores {
  const { sizeZyx, spacingMmZyx, dimensions } = reference.geometry;
  const isCounted = (i: number): boolean =>
    ignoreLabel === null || Number(reference.voxels[i]) !== ignoreLabel;
  const masks = [reference, prediction].map(({ voxels }) => {
    const mask = new Uint8Array(voxels.length);
    for (let i = 0; i < voxels.length; i++)
      if (region.includes(Number(voxels[i])) && isCounted(i)) mask[i] = 1;
    return mask;
  });
  const box = boxOf(masks, sizeZyx);
  if (box === null) return { hd95Mm: Number.NaN, surfaceDice: Number.NaN };
  const [referenceMask, predictionMask] = masks.map((mask) => cutOut(mask, sizeZyx, box));
  return surfaceScores({
    reference: referenceMask!,
    prediction: predictionMask!,
    sizeZyx: box.sizeZyx,
    spacingMmZyx,
    isFlat: dimensions === 2,
    toleranceMm,
  });
}
