import { type Affine, turnAffine, voxelSizesMmZyx } from "../../imaging/volume/affine.js";
import { voxelCount, type Zyx } from "../../imaging/volume/axes.js";
import type { CaseVolume } from "../../imaging/volume/case-volume.js";
import type { Geometry } from "../../imaging/volume/geometry.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { ProbabilityMap } from "../../imaging/volume/probability-map.js";
import { type AxisTurn, turnGeometry, turnTo } from "../../imaging/volume/reorient.js";
import type { RuntimePool } from "../threads/kernels.js";

/** A case that is turned to RAS, as nnU-Net's "WithReorient" readers turn every image, or as a bundle of MONAI says. */
export interface ReorientedCase {
  readonly volume: CaseVolume;
  /** Turns a label map from the image's own grid to the turned grid. */
  toNetworkOrientation(labelMap: LabelMap): Promise<LabelMap>;
  /** Turns labels or probabilities from the turned grid back to the image's own grid. */
  toImageOrientation<T extends LabelMap | ProbabilityMap>(map: T): Promise<T>;
}

/** Returns a case that is not turned, for the readers that do not reorient. */
export const withoutReorientation = (volume: CaseVolume): ReorientedCase => ({
  volume,
  toNetworkOrientation: async (labelMap) => labelMap,
  toImageOrientation: async (map) => map,
});

export interface ReorientOptions {
  readonly pool: RuntimePool;
  /**
   * nibabel's matrix, from which nibabel computes the spacing of an image that it has turned; null for ITK, which keeps
   * the spacing.
   */
  readonly affine: Affine | null;
  /**
   * The letters of the orientation that a bundle of MONAI turns images to, whose spacing is then that of nibabel's matrix
   * without rounding; RAS and nnU-Net's rounding if absent.
   */
  readonly axcodes?: string | undefined;
}

export async function reorientCase(
  volume: CaseVolume,
  { pool, affine, axcodes }: ReorientOptions,
): Promise<ReorientedCase> {
  const { geometry, channels, channelCount } = volume;
  const turn = turnTo(geometry, axcodes ?? "RAS");
  const isExact = axcodes !== undefined;
  const { turnedAffine, ...turned } = turnedGrid(geometry, { turn, affine, isExact });
  const turnedGeometry = turned.geometry;
  const sizeZyx = geometry.sizeZyx;
  const count = voxelCount(sizeZyx);
  const turnedChannels = new Float32Array(new SharedArrayBuffer(channels.length * 4));
  for (let channel = 0; channel < channelCount; channel++) {
    const plain = channels.subarray(channel * count, (channel + 1) * count);
    const into = turnedChannels.subarray(channel * count, (channel + 1) * count);
    await pool.run("turnVoxels", { plain, turned: into, sizeZyx, turn, writes: "turned" });
  }
  const moved = async <T extends LabelMap | ProbabilityMap>(
    map: T,
    to: Geometry,
    writes: "turned" | "plain",
  ): Promise<T> => {
    const voxels = sharedLike(map.voxels);
    const from = map.voxels;
    const [plain, turned] = writes === "turned" ? [from, voxels] : [voxels, from];
    await pool.run("turnVoxels", { plain, turned, sizeZyx, turn, writes });
    return { ...map, voxels, geometry: to };
  };
  return {
    volume: {
      ...volume,
      channels: turnedChannels,
      geometry: turnedGeometry,
      ...(turnedAffine === null || !isExact ? {} : { affine: turnedAffine }),
    },
    toNetworkOrientation: (labelMap) => moved(labelMap, turnedGeometry, "turned"),
    toImageOrientation: (map) => moved(map, geometry, "plain"),
  };
}

interface GridTurn {
  readonly turn: AxisTurn;
  readonly affine: Affine | null;
  readonly isExact: boolean;
}

/** Returns the turned grid, and nibabel's matrix of it if there is one. nibabel takes the spacing of what it turned from the matrix. */
function turnedGrid(geometry: Geometry, { turn, affine, isExact }: GridTurn) {
  const turnedAffine = affine && turnAffine(affine, geometry.sizeZyx, turn);
  return {
    turnedAffine,
    geometry: {
      ...turnGeometry(geometry, turn),
      ...(turnedAffine === null || (isIdentity(turn) && !isExact)
        ? {}
        : { spacingMmZyx: spacingOf(turnedAffine, isExact) }),
    },
  };
}

/**
 * Returns the grid that nnU-Net's "WithReorient" readers turn an image to.
 *
 * @param affine nibabel's matrix; null for ITK
 */
export const gridInRas = (geometry: Geometry, affine: Affine | null) =>
  turnedGrid(geometry, { turn: turnTo(geometry, "RAS"), affine, isExact: false });

const isIdentity = ({ orderZyx, isFlippedZyx }: AxisTurn): boolean =>
  orderZyx.every((from, axis) => from === axis) && !isFlippedZyx.includes(true);

/** Returns the spacing of the turned grid. For nnU-Net it is rounded to float32, in which NIfTI stores spacings. */
function spacingOf(turned: Affine, isExact: boolean): Zyx {
  const exact = voxelSizesMmZyx(turned);
  if (isExact) return exact;
  const [z, y, x] = exact;
  return [Math.fround(z), Math.fround(y), Math.fround(x)];
}

function sharedLike(
  voxels: Uint8Array | Uint16Array | Float32Array,
): Uint8Array<SharedArrayBuffer> | Uint16Array<SharedArrayBuffer> | Float32Array<SharedArrayBuffer> {
  const buffer = new SharedArrayBuffer(voxels.byteLength);
  if (voxels instanceof Float32Array) return new Float32Array(buffer);
  return voxels instanceof Uint8Array ? new Uint8Array(buffer) : new Uint16Array(buffer);
}
