import { readFile } from "node:fs/promises";
import { writeFileWhole } from "../../../../processor/files/write-file.js";
import { writeLabelMap } from "../../../../processor/imaging/formats/write-image.js";
import type { Zyx } from "../../../../processor/imaging/volume/axes.js";
import { floatToHalf } from "../../../../processor/imaging/volume/float16.js";
import { listOfPickles } from "../../../checkpoint/pickle/join-pickles.js";
import { nnunetError } from "../../../ground/errors/nnunet-errors.js";
import type { FloatArray } from "../../files/read-npz.js";
import { writeNpz } from "../../files/write-npz.js";
import { averageProbabilities } from "../average-probabilities.js";
import { propertiesFile, segmentationOf } from "../merge-probabilities.js";
import { readSoftmaxProperties, type SoftmaxProperties } from "./softmax-properties.js";

/** The probabilities of one case by several models of nnU-Net v1, to be averaged in a worker thread. */
export interface MergeSoftmaxTask {
  /** `<case>.npz` of each model, at least one, each with its `<case>.pkl`. */
  readonly files: readonly string[];
  /** The path of the segmentation, `<case>.nii.gz`. */
  readonly target: string;
  /** False for a cross-validation, where v1 takes the largest channel also of models with regions. */
  readonly respectsRegions: boolean;
  readonly savesProbabilities: boolean;
}

/**
 * Averages probabilities as `nnUNet_ensemble` does: float32 sums in the order of the files, one division, and the result in
 * the type of the files, which is float16; so two classes can tie, and the first one wins.
 *
 * @throws PROBABILITIES_INVALID if the files do not fit each other
 */
export async function mergeSoftmax(task: MergeSoftmaxTask): Promise<void> {
  const { files, target } = task;
  const properties = await Promise.all(files.map((file) => readSoftmaxProperties(propertiesFile(file))));
  const [first] = properties;
  const merged = await averageProbabilities(files, { name: "softmax", keepsHalf: true });
  const place = placeOf(merged.shape, first!, files[0]!);
  const regionsClassOrder = task.respectsRegions ? commonOrder(properties, files) : null;
  const [heads = 0] = merged.shape;
  if (regionsClassOrder !== null && regionsClassOrder.length !== heads)
    throw nnunetError(
      "PROBABILITIES_INVALID",
      `${files[0]} has ${heads} channels, but ${propertiesFile(files[0]!)} names ${regionsClassOrder.length} regions`,
    );
  const found = segmentationOf(merged.values, { heads, regionsClassOrder, largestLabel: 0 });
  const voxels = placed(found, place, first!.geometry.sizeZyx);
  // Before the segmentation, which marks the case as finished.
  if (task.savesProbabilities) await writeSoftmax(files, merged, target.replace(/\.nii\.gz$/, ""));
  const source = { format: "nifti", path: target, nifti: null } as const;
  await writeLabelMap({ voxels, geometry: first!.geometry }, target, source);
}

interface Place {
  readonly sizeZyx: Zyx;
  readonly startZyx: Zyx;
}

/**
 * Returns where the probabilities are in the image. v1.7.1 and earlier save those of the cropped image; later versions those of
 * the whole image, with the same properties.
 */
function placeOf(shape: readonly number[], properties: SoftmaxProperties, file: string): Place {
  const [, z = 0, y = 0, x = 0] = shape;
  const { croppedSizeZyx, cropStartZyx, geometry } = properties;
  const size = [z, y, x].join();
  if (shape.length === 4 && size === croppedSizeZyx.join())
    return { sizeZyx: [z, y, x], startZyx: cropStartZyx ?? [0, 0, 0] };
  if (shape.length === 4 && size === geometry.sizeZyx.join())
    return { sizeZyx: [z, y, x], startZyx: [0, 0, 0] };
  throw nnunetError(
    "PROBABILITIES_INVALID",
    `${file} has an array of ${shape.join(" × ")}; expected classes × ${croppedSizeZyx.join(" × ")}`,
  );
}

function commonOrder(
  properties: readonly SoftmaxProperties[],
  files: readonly string[],
): readonly number[] | null {
  const [first, ...others] = properties.map(({ regionsClassOrder }) => regionsClassOrder);
  if (others.every((order) => order?.join() === first?.join())) return first ?? null;
  throw nnunetError(
    "PROBABILITIES_INVALID",
    `${files.map(propertiesFile).join(" and ")} have different orders of regions`,
  );
}

/** Puts the cropped segmentation into the whole image. What is outside the image is cut off, as in v1. */
function placed(found: Uint8Array | Uint16Array, { sizeZyx, startZyx }: Place, whole: Zyx): Uint8Array {
  const voxels = new Uint8Array(whole[0] * whole[1] * whole[2]);
  const [depth, height, width] = sizeZyx;
  const rowLength = Math.min(width, whole[2] - startZyx[2]);
  for (let z = 0; z < Math.min(depth, whole[0] - startZyx[0]); z++)
    for (let y = 0; y < Math.min(height, whole[1] - startZyx[1]); y++) {
      const from = (z * height + y) * width;
      const to = ((z + startZyx[0]) * whole[1] + y + startZyx[1]) * whole[2] + startZyx[2];
      voxels.set(found.subarray(from, from + rowLength), to);
    }
  return voxels;
}

async function writeSoftmax(
  files: readonly string[],
  { shape, values, type }: FloatArray,
  stem: string,
): Promise<void> {
  const parts = [type === "f2" ? Uint16Array.from(values, floatToHalf) : values];
  const array = { name: "softmax", shape, type: type === "f2" ? "f2" : "f4", parts } as const;
  await writeNpz(`${stem}.npz`, [array], { isCompressed: true });
  const sources = await Promise.all(
    files.map(async (file) => {
      const source = propertiesFile(file);
      return { source, bytes: await readFile(source) };
    }),
  );
  await writeFileWhole(`${stem}.pkl`, [listOfPickles(sources)]);
}
