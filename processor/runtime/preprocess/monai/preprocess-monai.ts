import type { InferencePlan } from "../../../contract/manifest.js";
import type { MonaiRules, MonaiStep } from "../../../contract/monai-rules.js";
import { splitRange } from "../../../imaging/threads/split-range.js";
import { affineOf } from "../../../imaging/volume/affine.js";
import {
  type Axis,
  mapZyx,
  perAxis,
  permute,
  voxelCount,
  type Xyz,
  type Zyx,
} from "../../../imaging/volume/axes.js";
import type { CaseVolume } from "../../../imaging/volume/case-volume.js";
import type { RuntimePool } from "../../threads/kernels.js";
import { wholeBox } from "../crop-history.js";
import type { Prepared } from "../prepared.js";
import {
  croppedAxis,
  type GridAxis,
  newAxis,
  rangeOnGrid,
  resampledAxis,
  resamplingTable,
  spacingAfter,
  wholeAxis,
} from "./case-grid.js";
import { extentOf, voxelShape } from "./voxel-grid.js";

export interface MonaiPreprocessOptions {
  readonly plan: InferencePlan;
  readonly rules: MonaiRules;
  readonly pool: RuntimePool;
}

/** A case between two transforms, in the network's order of axes. */
interface State {
  readonly data: Float32Array<SharedArrayBuffer>;
  readonly axes: Zyx<GridAxis>;
}

/** Applies the transforms of a MONAI bundle, one after the other. The case was turned to the bundle's orientation before. */
export async function preprocessMonai(
  volume: CaseVolume,
  options: MonaiPreprocessOptions,
): Promise<Prepared> {
  const { plan, rules, pool } = options;
  const { geometry, channelCount } = volume;
  const sizeZyx = permute(geometry.sizeZyx, plan.transposeForward);
  const spacingMmZyx = permute(geometry.spacingMmZyx, plan.transposeForward);
  let state: State = {
    data: await transposed(volume, options),
    axes: mapZyx(sizeZyx, (size, axis) => wholeAxis(size, spacingMmZyx[axis])),
  };
  for (const step of rules.steps) {
    if (step.kind === "spacing") state = await resample(state, step, { volume, options });
    else if (step.kind === "crop") state = await crop(state, step, { volume, options });
    else await pool.run("changeIntensity", { values: state.data, channelCount, step });
  }
  const { axes, data } = state;
  const cropBoxZyx = mapZyx(axes, rangeOnGrid);
  return {
    data,
    channelCount,
    sizeZyx: mapZyx(axes, ({ size }) => size),
    history: {
      originalGeometry: geometry,
      sizeBeforeCroppingZyx: sizeZyx,
      cropBoxZyx,
      sizeAfterCroppingZyx: mapZyx(cropBoxZyx, ([from, to]) => to - from),
      originalSpacingMmZyx: spacingMmZyx,
      networkSpacingMmZyx: mapZyx(axes, ({ spacingMm }) => spacingMm),
      networkPositionsZyx: mapZyx(axes, ({ positions }, axis) => positions.slice(...cropBoxZyx[axis])),
    },
  };
}

async function transposed(
  { channels, channelCount, geometry: { sizeZyx } }: CaseVolume,
  { plan, pool }: MonaiPreprocessOptions,
): Promise<Float32Array<SharedArrayBuffer>> {
  const count = voxelCount(sizeZyx);
  const output = new Float32Array(new SharedArrayBuffer(channels.length * 4));
  await Promise.all(
    Array.from({ length: channelCount }, (_, channel) =>
      pool.run("copyBox", {
        input: channels.subarray(channel * count, (channel + 1) * count),
        inputSizeZyx: sizeZyx,
        order: plan.transposeForward,
        box: wholeBox(permute(sizeZyx, plan.transposeForward)),
        output: output.subarray(channel * count, (channel + 1) * count),
      }),
    ),
  );
  return output;
}

interface StepContext {
  readonly volume: CaseVolume;
  readonly options: MonaiPreprocessOptions;
}

async function resample(
  { data, axes }: State,
  { pixdim, mode }: Extract<MonaiStep, { readonly kind: "spacing" }>,
  { volume: { channelCount, geometry, affine }, options: { plan, rules, pool } }: StepContext,
): Promise<State> {
  const wanted = perAxis((axis) => {
    const imageAxis = plan.transposeForward[axis];
    if (geometry.dimensions === 2 && imageAxis === 0) return null;
    // MONAI lists x first, and repeats the last entry for further axes.
    return pixdim[Math.min(2 - imageAxis, pixdim.length - 1)] ?? null;
  });
  const spacings = mapZyx(axes, (axis, i) => spacingAfter(axis, wanted[i]));
  const fromSizeZyx = mapZyx(axes, ({ size }) => size);
  const inXyz = <T>(values: Zyx<T>): Xyz<T> =>
    perAxis((axis) => values[plan.transposeForward.indexOf(2 - axis) as Axis]);
  const { lengths, startsAtFirst } = extentOf(
    voxelShape(affine ?? affineOf(geometry)),
    inXyz(fromSizeZyx),
    inXyz(spacings),
  );
  const grid = mapZyx(axes, (axis, i) =>
    newAxis(axis, spacings[i], { length: lengths[(2 - plan.transposeForward[i]) as Axis], startsAtFirst }),
  );
  if (
    grid.every(
      ({ spacingMm, size }, i) => spacingMm === axes[i as Axis].spacingMm && size === fromSizeZyx[i as Axis],
    )
  )
    return { data, axes };
  const toSizeZyx = mapZyx(grid, ({ size }) => size);
  const tables = mapZyx(axes, (axis, i) => resamplingTable(axis, grid[i], mode));
  const [before, after] = [voxelCount(fromSizeZyx), voxelCount(toSizeZyx)];
  const output = new Float32Array(new SharedArrayBuffer(channelCount * after * 4));
  for (let channel = 0; channel < channelCount; channel++)
    await Promise.all(
      splitRange(toSizeZyx[0], pool.size).map((range) =>
        pool.run("blendVoxels", {
          input: data.subarray(channel * before, (channel + 1) * before),
          fromSizeZyx,
          tables,
          output: output.subarray(channel * after, (channel + 1) * after),
          range,
        }),
      ),
    );
  const picks = rules.labelsOn === "network";
  return { data: output, axes: mapZyx(axes, (axis, i) => resampledAxis(axis, grid[i], picks)) };
}

async function crop(
  { data, axes }: State,
  { above, margin, staysInside }: Extract<MonaiStep, { readonly kind: "crop" }>,
  { volume: { channelCount, geometry }, options: { plan, pool } }: StepContext,
): Promise<State> {
  const sizeZyx = mapZyx(axes, ({ size }) => size);
  const tight = await pool.run("foregroundBox", { channels: data, channelCount, sizeZyx, above });
  if (tight === null) return { data, axes };
  const box = mapZyx(tight, ([from, to], axis) => {
    const imageAxis = plan.transposeForward[axis];
    if (geometry.dimensions === 2 && imageAxis === 0) return [0, sizeZyx[axis]] as const;
    const more = margin[Math.min(2 - imageAxis, margin.length - 1)]!;
    return staysInside
      ? ([Math.max(from - more, 0), Math.min(to + more, sizeZyx[axis])] as const)
      : ([from - more, to + more] as const);
  });
  const [before, after] = [voxelCount(sizeZyx), voxelCount(mapZyx(box, ([from, to]) => to - from))];
  const output = new Float32Array(new SharedArrayBuffer(channelCount * after * 4));
  for (let channel = 0; channel < channelCount; channel++)
    await pool.run("cropVoxels", {
      input: data.subarray(channel * before, (channel + 1) * before),
      sizeZyx,
      box,
      output: output.subarray(channel * after, (channel + 1) * after),
    });
  return { data: output, axes: mapZyx(axes, (axis, i) => croppedAxis(axis, ...box[i])) };
}
