import { isNibabel, reorients } from "../../../processor/contract/reader-class.js";
import { nibabelAffine } from "../../../processor/imaging/formats/nifti/nibabel-affine.js";
import type { BlockSink } from "../../../processor/imaging/formats/read-image-options.js";
import { voxelCount, type Zyx } from "../../../processor/imaging/volume/axes.js";
import type { Geometry } from "../../../processor/imaging/volume/geometry.js";
import type { VoxelArray } from "../../../processor/imaging/volume/image.js";
import { inRas } from "../../../processor/imaging/volume/turn-image.js";
import { gridInRas } from "../../../processor/runtime/preprocess/reorient-case.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { type ImageReaderName, readInBlocksWith, readWith } from "../datasets/image-reader.js";
import { LabelledRuns } from "./labelled-runs.js";
import { type Box, NonzeroBox, type NumericVoxels } from "./nonzero-box.js";

/** The grid that nnU-Net sees. */
interface NumericImage {
  readonly components: number;
  readonly geometry: Geometry;
}

type NumericSink = (voxels: NumericVoxels, start: number) => void;

/**
 * Reads an image as nnU-Net's reader does, in blocks of whole rows: voxels of any type whose elements are numbers. An image that the
 * reader turns to RAS comes as one block.
 */
async function readNumeric(
  reader: ImageReaderName,
  path: string,
  begin: (image: NumericImage) => NumericSink,
): Promise<void> {
  if (!reorients(reader)) {
    await readInBlocksWith(reader, path, {}, (head): BlockSink => {
      const sink = begin(head);
      return (voxels, start) => sink(asNumbers(voxels), start);
    });
    return;
  }
  const image = await readWith(reader, path);
  const affine = isNibabel(reader) ? nibabelAffine(image) : null;
  const { geometry } = gridInRas(image.geometry, affine);
  begin({ components: image.components, geometry })(asNumbers(inRas(image).voxels), 0);
}

const asNumbers = (voxels: VoxelArray): NumericVoxels =>
  voxels instanceof BigInt64Array || voxels instanceof BigUint64Array
    ? Float32Array.from(voxels, Number)
    : voxels;

/** The foreground of one case: the voxels with a label above 0 within the non-zero region. */
export interface CaseForeground {
  readonly spacingMmZyx: Zyx;
  readonly sizeZyx: Zyx;
  readonly cropBox: Box;
  /** True if all voxels are 0; then the box is the whole image. */
  readonly isZero: boolean;
  /** For each channel, the values of the foreground voxels in the order of memory. */
  readonly channels: readonly Float32Array[];
}

/**
 * Reads a case and returns its foreground. Large images are not in memory as a whole, unless their reader turns them or their format is not NIfTI.
 *
 * @throws DATASET_INVALID if a voxel is NaN, or the images have different sizes
 */
export async function readForeground(
  reader: ImageReaderName,
  images: readonly string[],
  labelPath: string,
): Promise<CaseForeground> {
  const labelled = await readLabelled(reader, labelPath);
  const { runs, sizeZyx } = labelled;
  const nonzero = new NonzeroBox(sizeZyx);
  let spacing: Zyx | null = null;
  const channels: Float32Array[] = [];
  for (const path of images) {
    await readNumeric(reader, path, ({ components, geometry }) => {
      if (geometry.sizeZyx.some((size, axis) => size !== sizeZyx[axis]))
        throw nnunetError(
          "DATASET_INVALID",
          `${path}: its size is ${geometry.sizeZyx.join(" × ")} (z × y × x), but ${labelPath} has ${sizeZyx.join(" × ")}`,
        );
      spacing ??= geometry.spacingMmZyx;
      const gathered = Array.from({ length: components }, () => runs.gather());
      channels.push(...gathered.map(({ values }) => values));
      return (voxels, start) => {
        refuseNan(voxels, start, path);
        eachComponent(voxels, { start, count: voxelCount(sizeZyx) }, (part, component, at) => {
          nonzero.add(part, at);
          gathered[component]!.add(part, at);
        });
      };
    });
  }
  const box = nonzero.box();
  const whole: Box = [
    [0, sizeZyx[0]],
    [0, sizeZyx[1]],
    [0, sizeZyx[2]],
  ];
  const isZero = box === null;
  const cropBox = box ?? whole;
  return {
    spacingMmZyx: spacing!,
    sizeZyx,
    cropBox,
    isZero,
    channels: isWhole(cropBox, sizeZyx) ? channels : runs.within(cropBox, sizeZyx, channels),
  };
}

/** Reads the label map of a case. Of several components, the first counts. */
async function readLabelled(
  reader: ImageReaderName,
  path: string,
): Promise<{ readonly runs: LabelledRuns; readonly sizeZyx: Zyx }> {
  const runs = new LabelledRuns();
  let sizeZyx: Zyx = [0, 0, 0];
  await readNumeric(reader, path, ({ geometry }) => {
    sizeZyx = geometry.sizeZyx;
    return (voxels, start) =>
      eachComponent(voxels, { start, count: voxelCount(sizeZyx) }, (part, component, at) => {
        if (component === 0) runs.add(part, at);
      });
  });
  return { runs, sizeZyx };
}

/**
 * Divides a block of voxels where one component ends and the next one begins.
 *
 * @param block the index of the block's first voxel, and the voxels of a component
 * @param work gets the index of the part's first voxel in its component
 */
function eachComponent(
  voxels: NumericVoxels,
  block: { readonly start: number; readonly count: number },
  work: (part: NumericVoxels, component: number, at: number) => void,
): void {
  const { start, count } = block;
  for (let from = 0; from < voxels.length; ) {
    const component = Math.floor((start + from) / count);
    const at = start + from - component * count;
    const to = Math.min(voxels.length, from + count - at);
    work(voxels.subarray(from, to), component, at);
    from = to;
  }
}

function refuseNan(voxels: NumericVoxels, start: number, path: string): void {
  if (!(voxels instanceof Float32Array || voxels instanceof Float64Array)) return;
  const found = indexOfNan(voxels);
  if (found >= 0) throw nnunetError("DATASET_INVALID", `${path}: voxel ${start + found} is NaN`);
}

function indexOfNan(voxels: Float32Array | Float64Array): number {
  for (let i = 0; i < voxels.length; i++) if (Number.isNaN(voxels[i])) return i;
  return -1;
}

const isWhole = (box: Box, sizeZyx: Zyx): boolean =>
  box.every(([from, to], axis) => from === 0 && to === sizeZyx[axis]);
