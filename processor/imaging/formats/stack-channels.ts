import { counted } from "../../contract/counted.js";
import { imageError } from "../errors.js";
import { voxelCount } from "../volume/axes.js";
import type { CaseVolume } from "../volume/case-volume.js";
import type { Geometry } from "../volume/geometry.js";
import type { Image, VoxelArray } from "../volume/image.js";

export interface StackOptions {
  /** The names of the model's channels, in the order of `_0000`, `_0001`, … */
  readonly channelNames: readonly string[];
  /**
   * Called when channels have the same shape and spacing but a different origin or direction, which nnU-Net accepts
   * too.
   */
  readonly onWarning: (line: string) => void;
  /** Returns whether infinite voxels are welcome in a channel; they are refused if it is not given. */
  readonly takesInfinite?: (channel: number) => boolean;
}

/**
 * Puts the channels of one case into one shared float32 array, as nnU-Net's readers do.
 *
 * @param images one for each channel, or fewer images with several components
 * @throws INPUT_CHANNELS, GEOMETRY_MISMATCH, IMAGE_NOT_FINITE
 */
export function stackChannels(
  images: readonly Image[],
  { channelNames, onWarning, takesInfinite = () => false }: StackOptions,
): CaseVolume {
  const first = images[0]!;
  const channelCount = images.reduce((sum, { components }) => sum + components, 0);
  if (channelCount !== channelNames.length) {
    const wanted = channelNames.map((name, i) => `_${String(i).padStart(4, "0")} ${name}`).join(", ");
    const found = images.map(
      ({ source, components }) => `${source.path}${components > 1 ? ` (${components})` : ""}`,
    );
    throw imageError(
      "INPUT_CHANNELS",
      `the model takes ${counted(channelNames.length, "channel")} (${wanted}), but the files have ${channelCount}: ${found.join(", ")}`,
    );
  }
  for (const image of images.slice(1)) compareGrids(first, image, onWarning);
  const voxels = voxelCount(first.geometry.sizeZyx);
  if (images.length === 1 && isShared(first.voxels)) {
    for (let channel = 0; channel < channelCount; channel++)
      checkFinite(first.voxels.subarray(channel * voxels, (channel + 1) * voxels), first, {
        takesInfinite: takesInfinite(channel),
      });
    return { channels: first.voxels, channelCount, geometry: first.geometry, source: first.source };
  }
  const channels = new Float32Array(new SharedArrayBuffer(channelCount * voxels * 4));
  let channel = 0;
  for (const image of images) {
    copyAsFloat(channels, channel * voxels, image);
    for (const end = channel + image.components; channel < end; channel++)
      checkFinite(channels.subarray(channel * voxels, (channel + 1) * voxels), image, {
        takesInfinite: takesInfinite(channel),
      });
  }
  return { channels, channelCount, geometry: first.geometry, source: first.source };
}

/** Returns whether voxels are as they should be already, so that a large volume need not be copied. */
const isShared = (voxels: VoxelArray): voxels is Float32Array<SharedArrayBuffer> =>
  voxels instanceof Float32Array && voxels.buffer instanceof SharedArrayBuffer;

function copyAsFloat(target: Float32Array, offset: number, { voxels }: Image): void {
  if (voxels instanceof BigInt64Array || voxels instanceof BigUint64Array) {
    for (let i = 0; i < voxels.length; i++) target[offset + i] = Number(voxels[i]);
  } else {
    target.set(voxels, offset);
  }
}

/** @throws IMAGE_NOT_FINITE for values of an image's voxels that are NaN or, unless they are welcome, infinite */
export function checkFinite(
  values: ArrayLike<number>,
  { voxels, source }: Image,
  { takesInfinite }: { readonly takesInfinite: boolean } = { takesInfinite: false },
): void {
  if (!(voxels instanceof Float32Array || voxels instanceof Float64Array)) return;
  let count = 0;
  let first = -1;
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i]) || (takesInfinite && !Number.isNaN(values[i]))) continue;
    if (count === 0) first = i;
    count++;
  }
  if (count > 0) {
    throw imageError(
      "IMAGE_NOT_FINITE",
      `${source.path}: ${count} voxel${count === 1 ? " is" : "s are"} NaN or infinite, the first at index ${first}`,
    );
  }
}

/**
 * Compares two grids as nnU-Net does, which refuses different shapes and spacings, and warns of different origins and
 * directions.
 */
function compareGrids(first: Image, other: Image, onWarning: (line: string) => void): void {
  const pair = `${other.source.path} and ${first.source.path}`;
  const refuse = (what: "sizeZyx" | "spacingMmZyx", name: string): never => {
    // The reader invents the z spacing of a flat image, for resampling.
    const isFlat = [first, other].every(({ geometry }) => geometry.dimensions === 2);
    const shown = (geometry: Geometry) => geometry[what].slice(isFlat ? 1 : 0).join(" × ");
    throw imageError(
      "GEOMETRY_MISMATCH",
      `${pair} differ in ${name} (${isFlat ? "y × x" : "z × y × x"}): ${shown(other.geometry)} and ${shown(first.geometry)}`,
    );
  };
  if (!isClose(first.geometry.sizeZyx, other.geometry.sizeZyx)) refuse("sizeZyx", "size");
  if (!isClose(first.geometry.spacingMmZyx, other.geometry.spacingMmZyx))
    refuse("spacingMmZyx", "spacing in mm");
  if (!isClose(first.geometry.originMmXyz, other.geometry.originMmXyz)) {
    onWarning(`${pair} differ in origin; that of ${first.source.path} is kept`);
  }
  if (!isClose(first.geometry.directionXyz, other.geometry.directionXyz)) {
    onWarning(`${pair} differ in direction; that of ${first.source.path} is kept`);
  }
}

/** Compares two lists with the tolerance of numpy's `allclose`. */
const isClose = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((value, i) => Math.abs(value - b[i]!) <= 1e-8 + 1e-5 * Math.abs(b[i]!));
