import type { InferencePlan, LabelDefinition } from "../../contract/manifest.js";
import { sharedError } from "../../contract/shared-errors.js";
import { resampleLabels } from "../../imaging/resampling/resample-labels.js";
import { type ResampleOptions, resampleVolume } from "../../imaging/resampling/resample-volume.js";
import { type Axis, perAxis, voxelCount, type Zyx } from "../../imaging/volume/axes.js";
import type { CaseVolume } from "../../imaging/volume/case-volume.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { PreprocessHistory } from "../../nnunet-files/preprocess-history.js";
import type { RuntimePool } from "../threads/kernels.js";
import { type Box, historyOf, networkSize, wholeBox } from "./crop-history.js";
import { preprocessMonai } from "./monai/preprocess-monai.js";
import { normalize } from "./normalize.js";
import { preprocessNvidia } from "./nvidia/preprocess-nvidia.js";
import type { Prepared } from "./prepared.js";
import type { ReusedMemory } from "./reused-memory.js";

export interface PreprocessOptions {
  readonly plan: InferencePlan;
  readonly labels: LabelDefinition;
  /** The earlier stage's segmentation on the image's own grid; null unless the model is a cascade's second stage. */
  readonly previousStage: LabelMap | null;
  readonly pool: RuntimePool;
  /** True if the volume is needed again, so that its channels must not be changed. */
  readonly keepsVolume?: boolean;
  /** Memory for the copy of the volume; absent for new memory. */
  readonly memory?: ReusedMemory;
}

/**
 * Preprocesses a case as nnU-Net does: transposes it, crops it to the non-zero region, then normalises and resamples it
 * (v2) or resamples and normalises it (v1). For a cascade, the earlier stage's labels follow the image's channels as
 * one-hot channels.
 *
 * @param volume its channels may be overwritten, unless `keepsVolume` is true
 */
export async function preprocess(volume: CaseVolume, options: PreprocessOptions): Promise<Prepared> {
  const { plan, labels, pool } = options;
  if (plan.nvidia !== undefined) return preprocessNvidia(volume, { plan, rules: plan.nvidia, pool });
  if (plan.monai !== undefined) return preprocessMonai(volume, { plan, rules: plan.monai, pool });
  const { channelCount: imageChannels } = volume;
  const history = await historyOf(volume, options);
  const cropped = await cropAndTranspose(volume, history, options);
  const { previousStage } = options;
  const previous =
    previousStage === null || isVersion1(plan)
      ? null
      : await copyLabels(previousStage, history.cropBoxZyx, options);
  const needsMask = previous !== null || plan.normalization.some(({ useMask }) => useMask);
  const mask = needsMask ? await nonzeroMask(cropped, { history, previous, imageChannels, pool }) : null;

  const grids: Grids = {
    fromSizeZyx: history.sizeAfterCroppingZyx,
    toSizeZyx: networkSize(history, plan),
    fromSpacingMmZyx: history.originalSpacingMmZyx,
    toSpacingMmZyx: history.networkSpacingMmZyx,
    pool,
  };
  const previousLabels =
    previousStage !== null && isVersion1(plan)
      ? await wholeLabels(previousStage, grids, { history, plan, pool })
      : previous && (await resampleLabels(previous, { ...grids, rule: plan.resampleSegmentation }));
  checkSameGrid(previousLabels, grids.toSizeZyx);
  const data = await toNetworkGrid(cropped, mask, {
    grids,
    plan,
    imageChannels,
    previousLabels,
    labels,
    runLength: isVersion1(plan) ? voxelCount(grids.toSizeZyx) : runLength(history, plan),
    path: volume.source.path,
  });
  const channelCount = data.length / voxelCount(grids.toSizeZyx);
  return { data, channelCount, sizeZyx: grids.toSizeZyx, history };
}

/**
 * Checks plans that resample images but not segmentations, which works only for images that have the network's spacing.
 */
function checkSameGrid(previousLabels: Int16Array | null, sizeZyx: Zyx): void {
  if (previousLabels === null || previousLabels.length === voxelCount(sizeZyx)) return;
  throw sharedError(
    "PLANS_UNSUPPORTED",
    "the plans resample images but not the earlier stage's segmentation (no_resampling_hack), which works only for images that have the network's spacing",
  );
}

/**
 * Returns the number of voxels of the crop that are contiguous in the image. v2 normalises the crop as a view of the
 * image.
 */
export function runLength(history: PreprocessHistory, { transposeForward }: InferencePlan): number {
  const whole = untransposed(history.sizeBeforeCroppingZyx, transposeForward);
  const cropped = untransposed(history.sizeAfterCroppingZyx, transposeForward);
  const [z, y, x] = cropped;
  if (x !== whole[2]) return x;
  return y === whole[1] ? z * y * x : y * x;
}

const untransposed = (size: Zyx, transposeForward: Zyx): Zyx =>
  perAxis((axis) => size[transposeForward.indexOf(axis) as Axis]);

export type Grids = Omit<ResampleOptions, "rule" | "pool"> & { readonly pool: RuntimePool };

interface GridOptions {
  readonly grids: Grids;
  readonly plan: InferencePlan;
  readonly imageChannels: number;
  /** On the network's grid. */
  readonly previousLabels: Int16Array | null;
  readonly labels: Pick<LabelDefinition, "foregroundLabels">;
  readonly runLength: number;
  /** v1's mask on the network's grid, if it is not that of the image alone. */
  readonly networkMask?: Uint8Array<SharedArrayBuffer>;
  /** The file of the first channel, for errors. */
  readonly path: string;
}

/** Normalises and resamples each channel, in the order of nnU-Net's version, and appends the earlier stage. */
export async function toNetworkGrid(
  cropped: Float32Array<SharedArrayBuffer>,
  mask: Uint8Array<SharedArrayBuffer> | null,
  { grids, plan, imageChannels, previousLabels, labels, runLength, networkMask, path }: GridOptions,
): Promise<Float32Array<SharedArrayBuffer>> {
  const { pool, fromSizeZyx, toSizeZyx } = grids;
  const keepsGrid = toSizeZyx.every((size, axis) => size === fromSizeZyx[axis]);
  const before = voxelCount(fromSizeZyx);
  const after = voxelCount(toSizeZyx);
  const labelCount = previousLabels === null ? 0 : labels.foregroundLabels.length;
  const data =
    keepsGrid && labelCount === 0
      ? cropped
      : new Float32Array(new SharedArrayBuffer((imageChannels + labelCount) * after * 4));
  const maskAfter =
    plan.normalizeFirst || mask === null ? null : (networkMask ?? (await resampleMask(mask, grids, plan)));
  for (let channel = 0; channel < imageChannels; channel++) {
    const rule = plan.normalization[channel]!;
    const options = { rule, runLength, place: `${path}, channel ${channel}`, pool };
    const source = cropped.subarray(channel * before, (channel + 1) * before);
    const target = data.subarray(channel * after, (channel + 1) * after);
    if (plan.normalizeFirst) await normalize(source, { ...options, mask: rule.useMask ? mask : null });
    const resampled = await resampleVolume(source, { ...grids, rule: plan.resampleData });
    if (data !== cropped) target.set(resampled);
    if (!plan.normalizeFirst) await normalize(target, { ...options, mask: rule.useMask ? maskAfter : null });
  }
  if (previousLabels !== null)
    appendOneHot(data.subarray(imageChannels * after), previousLabels, labels.foregroundLabels);
  return data;
}

/**
 * Resamples the mask for v1, which normalises on the network's grid. There, the mask is the resampled label map of
 * inside (0) and outside (−1).
 */
async function resampleMask(
  mask: Uint8Array<SharedArrayBuffer>,
  grids: Grids,
  plan: InferencePlan,
): Promise<Uint8Array<SharedArrayBuffer>> {
  const labels = new Int16Array(new SharedArrayBuffer(mask.length * 2));
  for (let i = 0; i < mask.length; i++) labels[i] = mask[i]! - 1;
  const resampled = await resampleLabels(labels, { ...grids, rule: plan.resampleSegmentation });
  const result = new Uint8Array(new SharedArrayBuffer(resampled.length));
  for (let i = 0; i < result.length; i++) result[i] = resampled[i]! + 1;
  return result;
}

function appendOneHot(target: Float32Array, labelMap: Int16Array, labels: readonly number[]): void {
  labels.forEach((label, channel) => {
    const start = channel * labelMap.length;
    for (let i = 0; i < labelMap.length; i++) target[start + i] = labelMap[i] === label ? 1 : 0;
  });
}

/** Returns the box of the non-zero region in transposed axes; the volume's own channels if nothing is to be done. */
export async function cropAndTranspose(
  volume: CaseVolume,
  history: PreprocessHistory,
  { plan, pool, keepsVolume, memory }: Pick<PreprocessOptions, "plan" | "pool" | "keepsVolume" | "memory">,
): Promise<Float32Array<SharedArrayBuffer>> {
  const sizeZyx = volume.geometry.sizeZyx;
  const isWhole = voxelCount(history.sizeAfterCroppingZyx) === voxelCount(sizeZyx);
  if (keepsVolume !== true && isWhole && plan.transposeForward.every((axis, i) => axis === i))
    return volume.channels;
  const voxels = voxelCount(history.sizeAfterCroppingZyx);
  const length = volume.channelCount * voxels;
  const output = memory?.floats(length) ?? new Float32Array(new SharedArrayBuffer(length * 4));
  await Promise.all(
    Array.from({ length: volume.channelCount }, (_, channel) =>
      pool.run("copyBox", {
        input: volume.channels.subarray(channel * voxelCount(sizeZyx), (channel + 1) * voxelCount(sizeZyx)),
        inputSizeZyx: sizeZyx,
        order: plan.transposeForward,
        box: history.cropBoxZyx,
        output: output.subarray(channel * voxels, (channel + 1) * voxels),
      }),
    ),
  );
  return output;
}

/** Returns whether the plan is of nnU-Net v1, because v2 normalises first. */
const isVersion1 = ({ normalizeFirst }: InferencePlan): boolean => !normalizeFirst;

/**
 * Resamples the earlier stage's segmentation as v1 does (`preprocess_save_to_queue`): v1 stretches it over the
 * network's grid without cropping it, and never separates an axis.
 */
async function wholeLabels(
  previousStage: LabelMap,
  grids: Grids,
  { history, plan, pool }: Pick<PreprocessOptions, "plan" | "pool"> & { readonly history: PreprocessHistory },
): Promise<Int16Array<SharedArrayBuffer>> {
  const fromSizeZyx = history.sizeBeforeCroppingZyx;
  const whole = wholeBox(fromSizeZyx);
  const rule = { ...plan.resampleSegmentation, forceSeparateZ: false };
  const labels = await copyLabels(previousStage, whole, { plan, pool });
  return resampleLabels(labels, { ...grids, fromSizeZyx, rule });
}

/** Copies a box of the label map, in transposed order. */
export async function copyLabels(
  { voxels, geometry }: LabelMap,
  box: Box,
  { plan, pool }: Pick<PreprocessOptions, "plan" | "pool">,
): Promise<Int16Array<SharedArrayBuffer>> {
  const [[z0, z1], [y0, y1], [x0, x1]] = box;
  const output = new Int16Array(new SharedArrayBuffer((z1 - z0) * (y1 - y0) * (x1 - x0) * 2));
  await pool.run("copyBox", {
    input: voxels,
    inputSizeZyx: geometry.sizeZyx,
    order: plan.transposeForward,
    box,
    output,
  });
  return output;
}

interface MaskOptions {
  readonly history: PreprocessHistory;
  readonly previous: Int16Array | null;
  readonly imageChannels: number;
  readonly pool: RuntimePool;
}

/**
 * Returns the region for masked normalisation: voxels that are not zero, that such voxels enclose, or that the earlier
 * stage labelled. Outside the region, the earlier stage's background becomes −1.
 */
export async function nonzeroMask(
  cropped: Float32Array<SharedArrayBuffer>,
  { history, previous, imageChannels, pool }: MaskOptions,
): Promise<Uint8Array<SharedArrayBuffer>> {
  const sizeZyx = history.sizeAfterCroppingZyx;
  const mask = new Uint8Array(new SharedArrayBuffer(voxelCount(sizeZyx)));
  await pool.run("fillMask", { channels: cropped, channelCount: imageChannels, sizeZyx, mask });
  if (previous !== null) {
    for (let i = 0; i < mask.length; i++) {
      if (previous[i] !== 0) mask[i] = 1;
      else if (mask[i] === 0) previous[i] = -1;
    }
  }
  return mask;
}
