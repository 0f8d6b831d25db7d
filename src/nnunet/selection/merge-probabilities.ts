import { reorients } from "../../../processor/contract/reader-class.js";
import { copyFileWhole } from "../../../processor/files/copy-file.js";
import { exists } from "../../../processor/files/exists.js";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import { writeLabelMap } from "../../../processor/imaging/formats/write-image.js";
import type { Zyx } from "../../../processor/imaging/volume/axes.js";
import type { Geometry } from "../../../processor/imaging/volume/geometry.js";
import type { ImageSource } from "../../../processor/imaging/volume/image.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { writeNpz } from "../files/write-npz.js";
import { averageProbabilities } from "./average-probabilities.js";
import { geometryOfProperties } from "./case-properties.js";
import { sizeAfterTurn, turnedBack } from "./turned-grid.js";

/** The predictions of one case by several models, to be averaged in a worker thread. */
export interface MergeTask {
  /** `<case>.npz` of each model, at least one; `<case>.pkl` or the segmentation next to the first one has the geometry. */
  readonly files: readonly string[];
  /** The path of the segmentation without its ending. */
  readonly target: string;
  readonly fileEnding: string;
  readonly imageReader: string | null;
  readonly heads: number;
  /** The label of each output channel; null if the channel's number is the label. */
  readonly regionsClassOrder: readonly number[] | null;
  /** The largest foreground label, which decides the type of the voxels. */
  readonly largestLabel: number;
  readonly savesProbabilities: boolean;
}

/**
 * Averages probabilities as `nnUNetv2_ensemble` does: float32 sums in the order of the files, then one division.
 *
 * @throws PROBABILITIES_INVALID if the files do not fit each other or the labels
 */
export async function mergeProbabilities(task: MergeTask): Promise<void> {
  const { files, target, fileEnding, savesProbabilities } = task;
  const merged = await averageProbabilities(files, { name: "probabilities", keepsHalf: false });
  const [heads, ...size] = merged.shape;
  if (size.length !== 3 || heads !== task.heads)
    throw nnunetError(
      "PROBABILITIES_INVALID",
      `${files[0]} has an array of ${merged.shape.join(" × ")}; expected ${task.heads} classes × z × y × x`,
    );
  const sizeZyx: Zyx = [size[0]!, size[1]!, size[2]!];
  const { geometry, source } = await placeOf(task, sizeZyx);
  const labels = segmentationOf(merged.values, task);
  const voxels = reorients(task.imageReader) ? turnedBack(labels, geometry) : labels;
  // Before the segmentation, which marks the case as finished.
  if (savesProbabilities) {
    const { shape, values } = merged;
    const array = { name: "probabilities", shape, type: "f4", parts: [values] } as const;
    await writeNpz(`${target}.npz`, [array], { isCompressed: true });
    const properties = propertiesFile(files[0]!);
    if (await exists(properties)) await copyFileWhole(properties, `${target}.pkl`);
  }
  await writeLabelMap({ voxels, geometry }, `${target}${fileEnding}`, source);
}

/** Returns the label of each voxel: the first class with the largest probability, or each region above 0.5 in order. */
export function segmentationOf(
  probabilities: Float32Array,
  { heads, regionsClassOrder, largestLabel }: Pick<MergeTask, "heads" | "regionsClassOrder" | "largestLabel">,
): Uint8Array | Uint16Array {
  const voxelCount = probabilities.length / heads;
  const voxels = largestLabel < 255 ? new Uint8Array(voxelCount) : new Uint16Array(voxelCount);
  if (regionsClassOrder !== null) {
    for (const [head, label] of regionsClassOrder.entries()) {
      const start = head * voxelCount;
      for (let i = 0; i < voxelCount; i++) if (probabilities[start + i]! > 0.5) voxels[i] = label;
    }
    return voxels;
  }
  for (let i = 0; i < voxelCount; i++) {
    let best = probabilities[i]!;
    for (let head = 1; head < heads; head++) {
      const value = probabilities[head * voxelCount + i]!;
      if (value <= best) continue;
      best = value;
      voxels[i] = head;
    }
  }
  return voxels;
}

/** The `.pkl` with the properties of a case, next to its probabilities. */
export const propertiesFile = (probabilities: string): string => probabilities.replace(/\.npz$/, ".pkl");

interface Place {
  readonly geometry: Geometry;
  readonly source: ImageSource;
}

/** Returns where the case is in space: as its first segmentation, or as its properties say. */
async function placeOf(task: MergeTask, sizeZyx: Zyx): Promise<Place> {
  const { files, fileEnding, imageReader } = task;
  const [first = ""] = files;
  const segmentation = first.replace(/\.npz$/, fileEnding);
  if (await exists(segmentation)) {
    const { geometry, source } = await readImage(segmentation, { imageReader });
    const size = reorients(imageReader) ? sizeAfterTurn(geometry) : geometry.sizeZyx;
    if (size.join() === sizeZyx.join()) return { geometry, source };
    throw nnunetError(
      "PROBABILITIES_INVALID",
      `${first} has ${sizeZyx.join(" × ")} voxels (z × y × x), but ${segmentation} has ${size.join(" × ")}`,
    );
  }
  const geometry = await geometryOfProperties(propertiesFile(first), sizeZyx);
  return { geometry, source: { format: "nifti", path: segmentation, nifti: null } };
}
