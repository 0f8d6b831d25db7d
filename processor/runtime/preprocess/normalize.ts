import type { ChannelNormalization } from "../../contract/manifest.js";
import { imageError } from "../../imaging/errors.js";
import { splitRange } from "../../imaging/threads/split-range.js";
import type { RuntimePool } from "../threads/kernels.js";
import type { Float32Statistics } from "./float32-statistics.js";
import type { NormalizeTask } from "./normalize-channel.js";
import { combined, type PartialStatistics, type StatisticsTask } from "./statistics.js";

/** nnU-Net v2 divides by the deviation or by this number, whichever is larger; v1 adds this number to the deviation. */
const epsilon = 1e-8;

export interface NormalizeOptions {
  readonly rule: ChannelNormalization;
  /** 1 inside the non-zero region; null if the rule uses no mask. */
  readonly mask: Uint8Array<SharedArrayBuffer> | null;
  /** The number of contiguous values in the array that nnU-Net normalises; see `Float32StatisticsTask`. */
  readonly runLength: number;
  /** The file and the channel, for errors. */
  readonly place: string;
  readonly pool: RuntimePool;
}

/**
 * Normalises one channel in place by the scheme that plans.json names for it.
 *
 * @throws IMAGE_NOT_RGB
 */
export async function normalize(
  values: Float32Array<SharedArrayBuffer>,
  options: NormalizeOptions,
): Promise<void> {
  const { mask, pool } = options;
  const formula = await formulaOf(values, options);
  if (formula === null) return;
  const task = { values, mask, zeroOutsideMask: false, clip: null, ...formula };
  await Promise.all(
    splitRange(values.length, pool.size).map((range) => pool.run("normalizeChannel", { ...task, range })),
  );
}

type Formula = Pick<NormalizeTask, "offset" | "divisor"> & Partial<NormalizeTask>;

async function formulaOf(
  values: Float32Array<SharedArrayBuffer>,
  options: NormalizeOptions,
): Promise<Formula | null> {
  const { rule, mask, runLength, place, pool } = options;
  const measure = () => meanAndDeviation(values, { mask, within: null, runLength, pool });
  switch (rule.scheme) {
    case "NoNormalization":
      return null;
    case "CTNormalization": {
      const { mean, std, percentile005, percentile995 } = rule.intensity!;
      return {
        clip: [percentile005, percentile995],
        offset: mean,
        divisor: Math.max(std, epsilon),
        mask: null,
      };
    }
    case "CTNormalizationV1": {
      const { mean, std, percentile005, percentile995 } = rule.intensity!;
      return {
        clip: [percentile005, percentile995],
        offset: mean,
        divisor: std,
        zeroOutsideMask: mask !== null,
      };
    }
    case "ZScoreNormalization": {
      const { mean, deviation } = await measure();
      return { offset: mean, divisor: Math.max(deviation, epsilon) };
    }
    case "ZScoreNormalizationV1": {
      const { mean, deviation } = await measure();
      return { offset: mean, divisor: deviation + epsilon, zeroOutsideMask: mask !== null };
    }
    case "RescaleTo01Normalization": {
      const { minimum, maximum } = await statistics(values, { mask: null, within: null, mean: null, pool });
      return { offset: minimum, divisor: Math.max(Math.fround(maximum - minimum), epsilon), mask: null };
    }
    case "RGBTo01Normalization": {
      const { minimum, maximum } = await statistics(values, { mask: null, within: null, mean: null, pool });
      if (minimum < 0 || maximum > 255) {
        throw imageError(
          "IMAGE_NOT_RGB",
          `${place}: the values are from ${minimum} to ${maximum}, but rgb_to_0_1 allows only 0 to 255`,
        );
      }
      return { offset: 0, divisor: 255, mask: null };
    }
    // The bounds come from the training set; the mean and the deviation from the values of this case between the
    // bounds.
    case "CT2NormalizationV1": {
      const { percentile005, percentile995 } = rule.intensity!;
      const clip = [percentile005, percentile995] as const;
      const { mean, deviation } = await meanAndDeviation(values, {
        mask: null,
        within: clip,
        runLength,
        pool,
      });
      return { clip, offset: mean, divisor: deviation, zeroOutsideMask: mask !== null };
    }
  }
}

type Counted = Pick<StatisticsTask, "within"> & Pick<NormalizeOptions, "mask" | "pool">;

async function meanAndDeviation(
  values: Float32Array<SharedArrayBuffer>,
  { runLength, ...options }: Counted & Pick<NormalizeOptions, "runLength">,
): Promise<Float32Statistics> {
  const first = await statistics(values, { ...options, mean: null });
  // An empty mask has no statistics. numpy would return NaN, and every voxel would become NaN.
  if (first.count === 0) return { mean: 0, deviation: 1 };
  const mean = first.sum / first.count;
  const second = await statistics(values, { ...options, mean });
  const deviation = Math.sqrt(second.squaredDeviations / second.count);
  if (deviation >= Math.abs(mean) * nearlyConstant) return { mean, deviation };
  const { pool, mask, within } = options;
  return pool.run("float32Statistics", { values, mask, within, runLength });
}

/** The ratio of deviation to mean below which the rounding errors of float32 affect the result. */
const nearlyConstant = 0.01;

async function statistics(
  values: Float32Array<SharedArrayBuffer>,
  { mask, within, mean, pool }: Counted & { readonly mean: number | null },
): Promise<PartialStatistics> {
  return combined(
    await Promise.all(
      splitRange(values.length, pool.size).map((range) =>
        pool.run("channelStatistics", { values, mask, within, mean, range }),
      ),
    ),
  );
}
