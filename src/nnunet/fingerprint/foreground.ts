import { nibabelAffine } from "../../../processor/imaging/formats/nifti/nibabel-affine.js";
import { voxelCount, type Zyx } from "../../../processor/imaging/volume/axes.js";
import type { Geometry } from "../../../processor/imaging/volume/geometry.js";
import type { Image } from "../../../processor/imaging/volume/image.js";
import { turnToRas, turnVoxels } from "../../../processor/imaging/volume/reorient.js";
import { endOfRun, voxelWords } from "../../../processor/imaging/volume/voxel-words.js";
import { gridInRas } from "../../../processor/runtime/preprocess/reorient-case.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { type ImageReaderName, isNibabel, readWith, reorients } from "../datasets/image-reader.js";

/** Voxels of any type whose elements are numbers. */
export type NumericVoxels = Exclude<Image["voxels"], BigInt64Array | BigUint64Array>;

/** An image with numbers as voxels, on the grid that nnU-Net sees. */
export interface NumericImage {
  /** `component × z × y × x`. */
  readonly voxels: NumericVoxels;
  readonly components: number;
  readonly geometry: Geometry;
}

/** Reads an image as nnU-Net's reader does, turned to RAS if the reader turns images. */
async function readNumeric(reader: ImageReaderName, path: string): Promise<NumericImage> {
  const image = await readWith(reader, path);
  const { components, geometry } = image;
  const voxels =
    image.voxels instanceof BigInt64Array || image.voxels instanceof BigUint64Array
      ? Float32Array.from(image.voxels, Number)
      : image.voxels;
  if (!reorients(reader)) return { voxels, components, geometry };
  const turn = turnToRas(geometry);
  const affine = isNibabel(reader) ? nibabelAffine(image) : null;
  const turned = new Float32Array(voxels.length);
  const plain = voxels instanceof Float32Array ? voxels : Float32Array.from(voxels);
  const count = voxelCount(geometry.sizeZyx);
  for (let at = 0; at < voxels.length; at += count)
    turnVoxels({
      plain: plain.subarray(at, at + count),
      turned: turned.subarray(at, at + count),
      sizeZyx: geometry.sizeZyx,
      turn,
      writes: "turned",
    });
  return { voxels: turned, components, geometry: gridInRas(geometry, affine).geometry };
}

/** A half-open box of voxels. */
export type Box = Zyx<readonly [from: number, to: number]>;

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
 * Reads a case and returns its foreground. Only one image is in memory at a time.
 *
 * @throws DATASET_INVALID if a voxel is NaN, or the images have different sizes
 */
export async function readForeground(
  reader: ImageReaderName,
  images: readonly string[],
  labelPath: string,
): Promise<CaseForeground> {
  const label = await readNumeric(reader, labelPath);
  const { sizeZyx } = label.geometry;
  const indices = labelled(label.voxels, voxelCount(sizeZyx));
  let cropBox: Box | null = null;
  let spacing: Zyx | null = null;
  const channels: Float32Array[] = [];
  for (const path of images) {
    const { voxels, components, geometry } = await readNumeric(reader, path);
    if (geometry.sizeZyx.some((size, axis) => size !== sizeZyx[axis]))
      throw nnunetError(
        "DATASET_INVALID",
        `${path}: its size is ${geometry.sizeZyx.join(" × ")} (z × y × x), but ${labelPath} has ${sizeZyx.join(" × ")}`,
      );
    refuseNan(voxels, path);
    spacing ??= geometry.spacingMmZyx;
    const count = voxelCount(sizeZyx);
    for (let component = 0; component < components; component++) {
      const values = voxels.subarray(component * count, (component + 1) * count);
      cropBox = union(cropBox, nonzeroBox(values, sizeZyx));
      const foreground = new Float32Array(indices.length);
      for (let i = 0; i < indices.length; i++) foreground[i] = values[indices[i]!]!;
      channels.push(foreground);
    }
  }
  const box: Box = cropBox ?? [
    [0, sizeZyx[0]],
    [0, sizeZyx[1]],
    [0, sizeZyx[2]],
  ];
  return {
    spacingMmZyx: spacing!,
    sizeZyx,
    cropBox: box,
    isZero: cropBox === null,
    channels: isWhole(box, sizeZyx) ? channels : within(box, { sizeZyx, indices, channels }),
  };
}

/** Returns the indices of the voxels above 0. Most voxels of a label map are 0, so that several are passed over at a time. */
function labelled(voxels: NumericVoxels, count: number): Uint32Array {
  const { words, perWord } = voxelWords(voxels, count);
  const isPositive = (i: number): boolean => voxels[i]! > 0;
  const eachPositive = (work: (index: number) => void): void => {
    for (let word = 0; word < words.length; word++) {
      if (words[word] === 0) word = endOfRun(words, word + 1) - 1;
      else for (let i = word * perWord; i < (word + 1) * perWord; i++) if (isPositive(i)) work(i);
    }
    for (let i = words.length * perWord; i < count; i++) if (isPositive(i)) work(i);
  };
  let found = 0;
  eachPositive(() => found++);
  const indices = new Uint32Array(found);
  found = 0;
  eachPositive((index) => {
    indices[found++] = index;
  });
  return indices;
}

function refuseNan(voxels: NumericVoxels, path: string): void {
  if (!(voxels instanceof Float32Array || voxels instanceof Float64Array)) return;
  for (let i = 0; i < voxels.length; i++)
    if (Number.isNaN(voxels[i])) throw nnunetError("DATASET_INVALID", `${path}: voxel ${i} is NaN`);
}

/** Returns the box of the voxels that are not zero; null if there are none. */
function nonzeroBox(voxels: NumericVoxels, [slices, rows, columns]: Zyx): Box | null {
  const low = [slices, rows, columns];
  const high = [-1, -1, -1];
  for (let z = 0; z < slices; z++) {
    for (let y = 0; y < rows; y++) {
      const start = (z * rows + y) * columns;
      let first = 0;
      while (first < columns && voxels[start + first] === 0) first++;
      if (first === columns) continue;
      let last = columns - 1;
      while (voxels[start + last] === 0) last--;
      if (z < low[0]!) low[0] = z;
      high[0] = z;
      if (y < low[1]!) low[1] = y;
      if (y > high[1]!) high[1] = y;
      if (first < low[2]!) low[2] = first;
      if (last > high[2]!) high[2] = last;
    }
  }
  const side = (axis: number) => [low[axis]!, high[axis]! + 1] as const;
  return high[0] === -1 ? null : [side(0), side(1), side(2)];
}

function union(a: Box | null, b: Box | null): Box | null {
  if (a === null || b === null) return a ?? b;
  const side = (axis: 0 | 1 | 2) =>
    [Math.min(a[axis][0], b[axis][0]), Math.max(a[axis][1], b[axis][1])] as const;
  return [side(0), side(1), side(2)];
}

const isWhole = (box: Box, sizeZyx: Zyx): boolean =>
  box.every(([from, to], axis) => from === 0 && to === sizeZyx[axis]);

interface Listed {
  readonly sizeZyx: Zyx;
  readonly indices: Uint32Array;
  readonly channels: readonly Float32Array[];
}

/** Leaves out foreground voxels whose image is zero around them. */
function within(box: Box, { sizeZyx, indices, channels }: Listed): readonly Float32Array[] {
  const [, rows, columns] = sizeZyx;
  const [[z0, z1], [y0, y1], [x0, x1]] = box;
  const isInside = indices.map((index) => {
    const x = index % columns;
    const row = Math.floor(index / columns);
    const y = row % rows;
    const z = Math.floor(row / rows);
    return z >= z0 && z < z1 && y >= y0 && y < y1 && x >= x0 && x < x1 ? 1 : 0;
  });
  return channels.map((values) => values.filter((_, i) => isInside[i] === 1));
}
