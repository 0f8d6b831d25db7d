import type { InferencePlan, NvidiaRules, Resampling } from "../../../contract/manifest.js";
import { exactZoom } from "../../../imaging/resampling/exact-zoom.js";
import { resizeVolume } from "../../../imaging/resampling/resample-volume.js";
import { splitRange } from "../../../imaging/threads/split-range.js";
import { mapZyx, voxelCount, withFirstAxis, type Zyx } from "../../../imaging/volume/axes.js";
import type { CaseVolume, PreparedGrid } from "../../../imaging/volume/case-volume.js";
import type { PreprocessHistory } from "../../../nnunet-files/preprocess-history.js";
import type { RuntimePool } from "../../threads/kernels.js";
import { unionOfBoxes, wholeBox } from "../crop-history.js";
import type { Prepared } from "../prepared.js";
import { combined, type PartialStatistics } from "../statistics.js";

export interface NvidiaPreprocessOptions {
  readonly plan: InferencePlan;
  readonly rules: NvidiaRules;
  readonly pool: RuntimePool;
}

/**
 * Preprocesses a case as NVIDIA's `data_preprocessing/preprocessor.py`: crops it to the voxels above 0, resamples it,
 * normalises it, and for models with a foreground channel marks the voxels above 0 and normalises again.
 */
export async function preprocessNvidia(
  volume: CaseVolume,
  options: NvidiaPreprocessOptions,
): Promise<Prepared> {
  const { plan, rules, pool } = options;
  const { channelCount } = volume;
  if (volume.prepared !== undefined) return preparedBefore(volume, volume.prepared);
  const history = await historyOf(volume, options);
  const sizeZyx = networkSize(history, plan);
  const count = voxelCount(sizeZyx);
  const channels = channelCount + (rules.hasForegroundChannel ? 1 : 0);
  const data = new Float32Array(new SharedArrayBuffer(channels * count * 4));
  for (let channel = 0; channel < channelCount; channel++) {
    const values = data.subarray(channel * count, (channel + 1) * count);
    values.set(
      await resampled(await cropped(volume, channel, { history, pool }), {
        history,
        sizeZyx,
        isExact: plan.normalization[channel]!.scheme !== "CTNormalization" || rules.hasForegroundChannel,
        pool,
      }),
    );
    await normalize(values, channel, options);
  }
  if (rules.hasForegroundChannel) {
    const images = data.subarray(0, channelCount * count);
    const foreground = data.subarray(channelCount * count);
    await pool.run("foregroundChannel", { channels: images, channelCount, foreground });
    for (let channel = 0; channel < channelCount; channel++)
      await zScore(data.subarray(channel * count, (channel + 1) * count), { countsZeros: false, pool });
  }
  return { data, channelCount: channels, sizeZyx, history };
}

/** Returns a case that NVIDIA's own preprocessing wrote. */
function preparedBefore(
  { channels, channelCount, geometry }: CaseVolume,
  { sizeZyx, cropBoxZyx }: PreparedGrid,
): Prepared {
  return {
    data: channels,
    channelCount,
    sizeZyx,
    history: {
      originalGeometry: geometry,
      sizeBeforeCroppingZyx: geometry.sizeZyx,
      cropBoxZyx,
      sizeAfterCroppingZyx: mapZyx(cropBoxZyx, ([from, to]) => to - from),
      originalSpacingMmZyx: geometry.spacingMmZyx,
      networkSpacingMmZyx: geometry.spacingMmZyx,
    },
  };
}

async function historyOf(
  { geometry, channels, channelCount }: CaseVolume,
  { plan, pool }: NvidiaPreprocessOptions,
): Promise<PreprocessHistory> {
  const { sizeZyx, spacingMmZyx } = geometry;
  const boxes = await Promise.all(
    splitRange(sizeZyx[0], pool.size).map((range) =>
      pool.run("positiveExtent", { channels, channelCount, sizeZyx, range }),
    ),
  );
  const cropBoxZyx = unionOfBoxes(boxes) ?? wholeBox(sizeZyx);
  const target: Zyx = plan.dimensions === 2 ? spacingMmZyx : withFirstAxis(plan.spacingMm, spacingMmZyx[0]);
  return {
    originalGeometry: geometry,
    sizeBeforeCroppingZyx: sizeZyx,
    cropBoxZyx,
    sizeAfterCroppingZyx: mapZyx(cropBoxZyx, ([from, to]) => to - from),
    originalSpacingMmZyx: spacingMmZyx,
    networkSpacingMmZyx: target,
  };
}

/** NVIDIA's `calculate_new_shape` cuts the fraction off. A 2-D model keeps every grid. */
function networkSize(history: PreprocessHistory, { dimensions }: InferencePlan): Zyx {
  const { sizeAfterCroppingZyx, originalSpacingMmZyx, networkSpacingMmZyx } = history;
  if (dimensions === 2) return sizeAfterCroppingZyx;
  return mapZyx(sizeAfterCroppingZyx, (size, axis) =>
    Math.max(1, Math.trunc((originalSpacingMmZyx[axis] / networkSpacingMmZyx[axis]) * size)),
  );
}

interface CropOptions {
  readonly history: PreprocessHistory;
  readonly pool: RuntimePool;
}

async function cropped(
  { channels, geometry: { sizeZyx } }: CaseVolume,
  channel: number,
  { history, pool }: CropOptions,
): Promise<Float32Array<SharedArrayBuffer>> {
  const count = voxelCount(sizeZyx);
  const output = new Float32Array(new SharedArrayBuffer(voxelCount(history.sizeAfterCroppingZyx) * 4));
  await pool.run("copyBox", {
    input: channels.subarray(channel * count, (channel + 1) * count),
    inputSizeZyx: sizeZyx,
    order: [0, 1, 2],
    box: history.cropBoxZyx,
    output,
  });
  return output;
}

interface ResampleOptions extends CropOptions {
  readonly sizeZyx: Zyx;
  /** True if zeros do not count in the statistics, so that rounding errors decide which voxels count. */
  readonly isExact: boolean;
}

/** Resamples slice by slice and then takes the nearest slice if one of the spacings is anisotropic (3 or more). */
async function resampled(
  values: Float32Array<SharedArrayBuffer>,
  { history, sizeZyx, isExact, pool }: ResampleOptions,
): Promise<Float32Array<SharedArrayBuffer>> {
  const { sizeAfterCroppingZyx, originalSpacingMmZyx, networkSpacingMmZyx } = history;
  const isFlat = [originalSpacingMmZyx, networkSpacingMmZyx].some(
    (spacing) => Math.max(...spacing) / Math.min(...spacing) >= 3,
  );
  const grids = {
    fromSizeZyx: sizeAfterCroppingZyx,
    toSizeZyx: sizeZyx,
    apart: isFlat ? 0 : null,
    pool,
  } as const;
  if (!isExact) return resizeVolume(values, { ...grids, rule: cubic });
  const zoomed = await exactZoom(values, { ...grids, isFlat });
  if (!isFlat) return zoomed;
  const [slices] = sizeAfterCroppingZyx;
  return resizeVolume(zoomed, { ...grids, rule: cubic, fromSizeZyx: [slices, sizeZyx[1], sizeZyx[2]] });
}

const cubic: Resampling = { method: "spline", order: 3, orderZ: 0, forceSeparateZ: null };

async function normalize(
  values: Float32Array<SharedArrayBuffer>,
  channel: number,
  { plan, rules, pool }: NvidiaPreprocessOptions,
): Promise<void> {
  const { scheme, intensity } = plan.normalization[channel]!;
  if (scheme !== "CTNormalization" || intensity === null) {
    await zScore(values, { countsZeros: rules.countsZeros, pool });
    return;
  }
  const { mean, std, percentile005, percentile995 } = intensity;
  await scale(values, { mask: null, clip: [percentile005, percentile995], offset: mean, divisor: std, pool });
}

interface ZScoreOptions {
  readonly countsZeros: boolean;
  readonly pool: RuntimePool;
}

/** MONAI's NormalizeIntensity: zeros neither count nor change, and a deviation of 0 does not divide. */
async function zScore(
  values: Float32Array<SharedArrayBuffer>,
  { countsZeros, pool }: ZScoreOptions,
): Promise<void> {
  const mask = countsZeros ? null : new Uint8Array(new SharedArrayBuffer(values.length));
  if (mask !== null) await pool.run("nonzeroVoxels", { values, mask });
  const measure = async (mean: number | null): Promise<PartialStatistics> =>
    combined(
      await Promise.all(
        splitRange(values.length, pool.size).map((range) =>
          pool.run("channelStatistics", { values, mask, within: null, mean, range }),
        ),
      ),
    );
  const { count, sum } = await measure(null);
  if (count === 0) return;
  const mean = sum / count;
  const deviation = Math.sqrt((await measure(mean)).squaredDeviations / count);
  await scale(values, { mask, clip: null, offset: mean, divisor: deviation === 0 ? 1 : deviation, pool });
}

interface ScaleOptions {
  readonly mask: Uint8Array | null;
  readonly clip: readonly [number, number] | null;
  readonly offset: number;
  readonly divisor: number;
  readonly pool: RuntimePool;
}

async function scale(
  values: Float32Array<SharedArrayBuffer>,
  { pool, ...task }: ScaleOptions,
): Promise<void> {
  await Promise.all(
    splitRange(values.length, pool.size).map((range) =>
      pool.run("normalizeChannel", { values, zeroOutsideMask: false, ...task, range }),
    ),
  );
}
