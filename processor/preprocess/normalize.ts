import { ProcessorError } from "../errors.js";
import type { ChannelNormalization } from "../model/manifest.js";
import { splitRange, type WorkerPool } from "../parallel/worker-pool.js";
import type { NormalizeTask } from "./normalize-channel.js";
import { combined, type PartialStatistics } from "./statistics.js";

/** nnU-Net v2 divides by the larger of deviation and this; v1 adds it. */
const epsilon = 1e-8;

export interface NormalizeOptions {
  readonly rule: ChannelNormalization;
  /** 1 inside the non-zero region; null when the rule uses none. */
  readonly mask: Uint8Array<SharedArrayBuffer> | null;
  readonly pool: WorkerPool;
}

/** Normalises one channel in place by the scheme that plans.json names for it. */
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
  const { rule, mask } = options;
  const measure = () => meanAndDeviation(values, options);
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
      const { minimum, maximum } = await statistics(values, { ...options, mask: null, mean: null });
      return { offset: minimum, divisor: Math.max(Math.fround(maximum - minimum), epsilon), mask: null };
    }
    case "RGBTo01Normalization": {
      const { minimum, maximum } = await statistics(values, { ...options, mask: null, mean: null });
      if (minimum < 0 || maximum > 255) {
        throw new ProcessorError(
          "IMAGE_INVALID",
          `an RGB channel must hold 0 to 255, this one holds ${minimum} to ${maximum}`,
        );
      }
      return { offset: 0, divisor: 255, mask: null };
    }
    case "CT2NormalizationV1":
      throw new ProcessorError("PLANS_UNSUPPORTED", "the normalisation CT2 of nnU-Net v1 is not implemented");
  }
}

async function meanAndDeviation(values: Float32Array<SharedArrayBuffer>, options: NormalizeOptions) {
  const first = await statistics(values, { ...options, mean: null });
  // An empty mask has no statistics; numpy would give NaN and spoil the image.
  if (first.count === 0) return { mean: 0, deviation: 1 };
  const mean = first.sum / first.count;
  const second = await statistics(values, { ...options, mean });
  return { mean, deviation: Math.sqrt(second.squaredDeviations / second.count) };
}

async function statistics(
  values: Float32Array<SharedArrayBuffer>,
  { mask, mean, pool }: Pick<NormalizeOptions, "mask" | "pool"> & { readonly mean: number | null },
): Promise<PartialStatistics> {
  return combined(
    await Promise.all(
      splitRange(values.length, pool.size).map((range) =>
        pool.run("channelStatistics", { values, mask, mean, range }),
      ),
    ),
  );
}
