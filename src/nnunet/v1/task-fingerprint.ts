import { voxelCount } from "../../../processor/imaging/volume/axes.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import type { ImageReaderName } from "../datasets/image-reader.js";
import { readForeground } from "../fingerprint/foreground.js";

/** v1 takes every tenth foreground voxel. */
const step = 10;

/** Statistics of a channel, with v1's names. */
export interface IntensityPropertiesV1 {
  readonly median: number;
  readonly mean: number;
  readonly sd: number;
  readonly mn: number;
  readonly mx: number;
  readonly percentile_99_5: number;
  readonly percentile_00_5: number;
}

export interface TaskCaseTask {
  readonly reader: ImageReaderName;
  readonly images: readonly string[];
  readonly label: string;
}

/** What one case of a v1 task adds to dataset_properties.pkl. */
export interface TaskCase {
  readonly sizeZyx: readonly number[];
  readonly spacingMmZyx: readonly number[];
  readonly sizeReduction: number;
  /** Every tenth foreground voxel of each channel. */
  readonly samples: readonly Float32Array[];
}

/** Measures one case as v1's cropping and analysis do; runs in a worker thread. */
export async function measureTaskCase({ reader, images, label }: TaskCaseTask): Promise<TaskCase> {
  const { channels, cropBox, isZero, sizeZyx, spacingMmZyx } = await readForeground(reader, images, label);
  if (isZero)
    throw nnunetError(
      "DATASET_INVALID",
      `${images.join(", ")}: every voxel is 0, and nnU-Net v1 cannot crop such an image`,
    );
  const cropped = cropBox.map(([from, to]) => to - from) as [number, number, number];
  return {
    sizeZyx: cropped,
    spacingMmZyx,
    sizeReduction: voxelCount(cropped) / voxelCount(sizeZyx),
    samples: channels.map((values) => values.filter((_, i) => i % step === 0)),
  };
}

/** Computes the statistics of some samples; NaN without samples, as numpy's. */
export function intensityPropertiesV1(parts: readonly Float32Array[]): IntensityPropertiesV1 {
  const values = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    values.set(part, at);
    at += part.length;
  }
  values.sort();
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return {
    median: sortedPercentile(values, 50),
    mean,
    sd: Math.sqrt(squares / values.length),
    mn: values[0] ?? Number.NaN,
    mx: values.at(-1) ?? Number.NaN,
    percentile_99_5: sortedPercentile(values, 99.5),
    percentile_00_5: sortedPercentile(values, 0.5),
  };
}

/** numpy's linear percentile of sorted values. */
function sortedPercentile(values: Float32Array, percent: number): number {
  if (values.length === 0) return Number.NaN;
  const position = (values.length - 1) * (percent / 100);
  const below = Math.floor(position);
  const low = values[below]!;
  const high = values[Math.min(below + 1, values.length - 1)]!;
  return low + (high - low) * (position - below);
}
