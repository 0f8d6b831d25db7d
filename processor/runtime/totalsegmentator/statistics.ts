import type { ZoomInput } from "../../imaging/resampling/zoom.js";
import { perAxis, type Zyx } from "../../imaging/volume/axes.js";
import { roundHalfToEven } from "../../imaging/volume/round-half-to-even.js";
import type { RuntimePool } from "../threads/kernels.js";
import type { LabelVolume } from "./label-boxes.js";
import type { ClassMeasures } from "./measure-classes.js";

export interface StatisticsOptions {
  readonly classes: readonly { readonly name: string; readonly value: number }[];
  readonly intensities: ZoomInput;
  readonly spacingMmZyx: Zyx;
  readonly aggregation: "mean" | "median";
  readonly includesIncomplete: boolean;
  readonly hasExtras: boolean;
}

/** What TotalSegmentator's statistics.json has about one class; the last six are extras. */
export interface ClassStatistics {
  /** mm³ */
  readonly volume: number;
  readonly intensity: number;
  readonly n_voxels?: number;
  readonly intensity_std?: number;
  readonly intensity_min?: number;
  readonly intensity_max?: number;
  readonly centroid_vox?: readonly number[] | null;
  readonly bbox_vox?: readonly (readonly number[])[] | null;
}

/** Measures every class. A class counts as 0 if it touches the border, unless incomplete ones are included. */
export async function classStatistics(
  volume: LabelVolume,
  options: StatisticsOptions,
  pool: RuntimePool,
): Promise<Readonly<Record<string, ClassStatistics>>> {
  const { classes, intensities, spacingMmZyx, aggregation, includesIncomplete, hasExtras } = options;
  const measured = await pool.run("measureClasses", {
    voxels: volume.voxels,
    sizeZyx: volume.sizeZyx,
    intensities,
    labels: classes.map(({ value }) => value),
    aggregation,
  });
  const [z, y, x] = spacingMmZyx;
  // TotalSegmentator multiplies in float32, in which a header holds spacings.
  const voxelMm3 = Math.fround(Math.fround(Math.fround(x) * Math.fround(y)) * Math.fround(z));
  return Object.fromEntries(
    classes.map(({ name, value }) => {
      const found = measured.get(value) ?? null;
      const counted = found !== null && (includesIncomplete || !found.touchesBorder) ? found : null;
      return [name, statisticsOf(counted, { voxelMm3, hasExtras })];
    }),
  );
}

function statisticsOf(
  measures: ClassMeasures | null,
  { voxelMm3, hasExtras }: { readonly voxelMm3: number; readonly hasExtras: boolean },
): ClassStatistics {
  if (measures === null) return { volume: 0, intensity: 0, ...(hasExtras ? emptyExtras : {}) };
  const { voxels, intensity, deviation, smallest, largest, centreXyz, firstXyz, lastXyz } = measures;
  return {
    volume: voxels * voxelMm3,
    intensity: rounded(intensity, 5),
    ...(hasExtras
      ? {
          n_voxels: voxels,
          intensity_std: rounded(deviation, 5),
          intensity_min: smallest,
          intensity_max: largest,
          centroid_vox: centreXyz.map((part) => rounded(part, 2)),
          bbox_vox: perAxis((axis) => [firstXyz[axis], lastXyz[axis]]),
        }
      : {}),
  };
}

const emptyExtras = {
  n_voxels: 0,
  intensity_std: 0,
  intensity_min: 0,
  intensity_max: 0,
  centroid_vox: null,
  bbox_vox: null,
} as const;

/** Rounds as numpy does. */
const rounded = (value: number, decimals: number): number =>
  roundHalfToEven(value * 10 ** decimals) / 10 ** decimals;
