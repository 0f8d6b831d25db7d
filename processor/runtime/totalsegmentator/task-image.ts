import { imageError } from "../../imaging/errors.js";
import { nibabelAffine } from "../../imaging/formats/nifti/nibabel-affine.js";
import { checkFinite } from "../../imaging/formats/stack-channels.js";
import type { ZoomInput } from "../../imaging/resampling/zoom.js";
import { voxelSizesMmZyx } from "../../imaging/volume/affine.js";
import { mapZyx, perAxis, voxelCount, type Zyx } from "../../imaging/volume/axes.js";
import type { Geometry } from "../../imaging/volume/geometry.js";
import type { Image, ImageSource, VoxelArray } from "../../imaging/volume/image.js";

/** A case as TotalSegmentator sees it: one volume with its values in full precision. */
export interface TaskImage {
  readonly voxels: ZoomInput;
  readonly geometry: Geometry;
  /** The lengths of the columns of nibabel's matrix, in float32, in which nibabel stores them. */
  readonly spacingMmZyx: Zyx;
  /** The spacing as the header says it, which statistics use. */
  readonly headerSpacingMmZyx: Zyx;
  readonly source: ImageSource;
}

/**
 * Takes the first volume of an image.
 *
 * @throws IMAGE_UNSUPPORTED for a flat image, IMAGE_NOT_FINITE
 */
export function taskImage(image: Image, onWarning: (line: string) => void): TaskImage {
  const { geometry, source, components } = image;
  if (geometry.dimensions === 2)
    throw imageError("IMAGE_UNSUPPORTED", "a flat image; TotalSegmentator's tasks segment volumes");
  if (components > 1)
    onWarning(`the image has ${components} volumes, of which the first is segmented, as in TotalSegmentator`);
  const voxels = shared(image.voxels, voxelCount(geometry.sizeZyx));
  checkFinite(voxels, image);
  const affine = nibabelAffine({ geometry, source });
  const spacingMmZyx = mapZyx(voxelSizesMmZyx(affine), (size) => Math.fround(size));
  const pixdim = source.format === "nifti" && components === 1 ? (source.nifti?.pixdim ?? null) : null;
  return {
    voxels,
    geometry,
    spacingMmZyx,
    headerSpacingMmZyx:
      pixdim === null ? spacingMmZyx : perAxis((axis) => Math.fround(Math.abs(pixdim[3 - axis]!))),
    source,
  };
}

/** Returns the first voxels in shared memory, in a type that holds their values. */
function shared(voxels: VoxelArray, count: number): ZoomInput {
  if (voxels instanceof BigInt64Array || voxels instanceof BigUint64Array) {
    const numbers = new Float64Array(new SharedArrayBuffer(count * 8));
    for (let i = 0; i < count; i++) numbers[i] = Number(voxels[i]);
    return numbers;
  }
  if (voxels.buffer instanceof SharedArrayBuffer) return voxels.subarray(0, count) as ZoomInput;
  const copy = emptyLike(voxels, count);
  copy.set(voxels.subarray(0, count));
  return copy;
}

function emptyLike(voxels: Exclude<VoxelArray, BigInt64Array | BigUint64Array>, count: number): ZoomInput {
  const buffer = new SharedArrayBuffer(count * voxels.BYTES_PER_ELEMENT);
  if (voxels instanceof Int8Array) return new Int8Array(buffer);
  if (voxels instanceof Uint8Array) return new Uint8Array(buffer);
  if (voxels instanceof Int16Array) return new Int16Array(buffer);
  if (voxels instanceof Uint16Array) return new Uint16Array(buffer);
  if (voxels instanceof Int32Array) return new Int32Array(buffer);
  if (voxels instanceof Uint32Array) return new Uint32Array(buffer);
  return voxels instanceof Float32Array ? new Float32Array(buffer) : new Float64Array(buffer);
}
