import type { MonaiStep } from "../../../contract/monai-rules.js";

export type IntensityStep = Exclude<MonaiStep, { readonly kind: "spacing" | "crop" }>;

export interface IntensityTask {
  /** `channel × voxel`; changed in place */
  readonly values: Float32Array;
  readonly channelCount: number;
  readonly step: IntensityStep;
}

/** Applies one of MONAI's intensity transforms, with its rounding to float32 after each operation. */
export function changeIntensity({ values, channelCount, step }: IntensityTask): void {
  const length = values.length / channelCount;
  const isApart = step.kind !== "range" && step.perChannel;
  if (!isApart) {
    change(values, step, 0);
    return;
  }
  for (let channel = 0; channel < channelCount; channel++)
    change(values.subarray(channel * length, (channel + 1) * length), step, channel);
}

function change(values: Float32Array, step: IntensityStep, channel: number): void {
  switch (step.kind) {
    case "range":
      scaleRange(values, step.from, step);
      return;
    case "percentiles":
      scalePercentiles(values, step);
      return;
    case "scale":
      scaleToBounds(values, step.to);
      return;
    case "normalize":
      normalizeIntensity(values, step, channel);
  }
}

interface RangeOptions {
  readonly to: readonly (number | null)[];
  readonly clips: boolean;
}

/** `ScaleIntensityRange`. Without both ends of the target, values are only scaled to 0…1. */
function scaleRange(
  values: Float32Array,
  [from = 0, until = 0]: readonly number[],
  { to: [low = null, high = null], clips }: RangeOptions,
): void {
  const start = Math.fround(from);
  const width = Math.fround(until - from);
  if (until === from) {
    for (let i = 0; i < values.length; i++) values[i] = Math.fround(values[i]! - start) + (low ?? 0);
    return;
  }
  const stretch = low === null || high === null ? null : Math.fround(high - low);
  const floor = clips && low !== null ? low : Number.NEGATIVE_INFINITY;
  const ceiling = clips && high !== null ? high : Number.POSITIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    let value = Math.fround(Math.fround(values[i]! - start) / width);
    if (stretch !== null) value = Math.fround(Math.fround(value * stretch) + low!);
    values[i] = Math.min(Math.max(value, floor), ceiling);
  }
}

/** torch computes quantiles of up to this many values in float32, and MONAI takes numpy's for more. */
const mostOfTorch = 1_000_000;

function scalePercentiles(
  values: Float32Array,
  step: Extract<IntensityStep, { readonly kind: "percentiles" }>,
): void {
  const sorted = values.slice().sort();
  const at = (percent: number): number => {
    const exact = (percent / 100) * (sorted.length - 1);
    const rank =
      sorted.length > mostOfTorch ? exact : Math.fround(Math.fround(percent / 100) * (sorted.length - 1));
    const below = Math.floor(rank);
    const lower = sorted[below]!;
    const upper = sorted[Math.min(below + 1, sorted.length - 1)]!;
    return Math.fround(lower + (rank - below) * (upper - lower));
  };
  scaleRange(values, [at(step.lower), at(step.upper)], step);
}

/** `ScaleIntensity`. Values that are all equal become `low` times themselves. */
function scaleToBounds(values: Float32Array, [low = 0, high = 1]: readonly number[]): void {
  let least = Number.POSITIVE_INFINITY;
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < least) least = value;
    if (value > largest) largest = value;
  }
  if (least === largest) {
    for (let i = 0; i < values.length; i++) values[i] = values[i]! * low;
    return;
  }
  scaleRange(values, [least, largest], { to: [low, high], clips: false });
}

/** `NormalizeIntensity`. A deviation of 0 does not divide. */
function normalizeIntensity(
  values: Float32Array,
  step: Extract<IntensityStep, { readonly kind: "normalize" }>,
  channel: number,
): void {
  const { nonzero } = step;
  let count = 0;
  let sum = 0;
  for (const value of values) {
    if (nonzero && value === 0) continue;
    count++;
    sum += value;
  }
  if (count === 0) return;
  const mean = Math.fround(sum / count);
  const given = (list: readonly number[] | null) => list?.[list.length === 1 ? 0 : channel];
  const offset = Math.fround(given(step.subtrahend) ?? mean);
  const divisor = Math.fround(
    given(step.divisor) ?? deviationOf(values, { nonzero, count, mean: sum / count }),
  );
  const by = divisor === 0 ? 1 : divisor;
  for (let i = 0; i < values.length; i++) {
    if (nonzero && values[i] === 0) continue;
    values[i] = Math.fround(values[i]! - offset) / by;
  }
}

function deviationOf(
  values: Float32Array,
  { nonzero, count, mean }: { readonly nonzero: boolean; readonly count: number; readonly mean: number },
): number {
  let squares = 0;
  for (const value of values) {
    if (nonzero && value === 0) continue;
    squares += (value - mean) ** 2;
  }
  return Math.sqrt(squares / count);
}
