import { isNibabel, reorients } from "../../contract/reader-class.js";
import { voxelCount } from "./axes.js";
import type { Geometry } from "./geometry.js";
import type { Image, ImageSource } from "./image.js";
import { type AxisTurn, turnGeometry, turnToRas, turnVoxels } from "./reorient.js";

/**
 * Returns the channels of a case, all with the axes of one of them if the reader is one of nnU-Net's "WithReorient" readers, which
 * turn each channel to RAS by its own orientation. The segmentation is turned back to the axes of the first channel by nibabel's
 * reader, and to those of the last one by ITK's. A DICOM series keeps its axes, because results name its slices.
 */
export function channelsOnSameAxes(images: readonly Image[], imageReader: string | null): readonly Image[] {
  const keepsFirst = isNibabel(imageReader) || images[0]?.source.format === "dicom";
  const kept = keepsFirst ? images[0] : images.at(-1);
  if (kept === undefined || !reorients(imageReader)) return images;
  return images.map((image) => inOrientationOf(kept.geometry, image));
}

/** Returns an image as a "WithReorient" reader gives it: turned to RAS. */
export const inRas = (image: Image): Image => turned(image, turnToRas(image.geometry));

/**
 * Returns an image whose axes run as those of another grid, so that both are the same after a "WithReorient" reader has turned
 * each of them.
 */
export function inOrientationOf(grid: Geometry, image: Image): Image {
  const [from, to] = [turnToRas(image.geometry), turnToRas(grid)];
  return isSameTurn(from, to) ? image : turned(turned(image, from), inverse(to));
}

const isSameTurn = (a: AxisTurn, b: AxisTurn): boolean =>
  a.orderZyx.join() === b.orderZyx.join() && a.isFlippedZyx.join() === b.isFlippedZyx.join();

/** Returns the turn back. */
function inverse({ orderZyx, isFlippedZyx }: AxisTurn): AxisTurn {
  const order: [number, number, number] = [0, 0, 0];
  const isFlipped: [boolean, boolean, boolean] = [false, false, false];
  for (const [axis, from] of orderZyx.entries()) {
    order[from] = axis;
    isFlipped[from] = isFlippedZyx[axis]!;
  }
  return { orderZyx: order, isFlippedZyx: isFlipped };
}

function turned(image: Image, turn: AxisTurn): Image {
  const { geometry, voxels } = image;
  const { sizeZyx } = geometry;
  const plain = voxels instanceof Uint8Array ? voxels : Float32Array.from(voxels, Number);
  const result = new (plain instanceof Uint8Array ? Uint8Array : Float32Array)(plain.length);
  const count = voxelCount(sizeZyx);
  for (let at = 0; at < plain.length; at += count)
    turnVoxels({
      plain: plain.subarray(at, at + count),
      turned: result.subarray(at, at + count),
      sizeZyx,
      turn,
      writes: "turned",
    });
  const source = withoutOrientation(image.source);
  return { ...image, voxels: result, geometry: turnGeometry(geometry, turn), source };
}

/** What a file says of its own axes must not be written into a file with other axes. */
function withoutOrientation(source: ImageSource): ImageSource {
  if (source.format === "nifti") return { ...source, nifti: null };
  return source.format === "metaimage" || source.format === "nrrd" ? { ...source, fields: {} } : source;
}
