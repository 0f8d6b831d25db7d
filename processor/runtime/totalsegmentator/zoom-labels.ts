import { type Axis, perAxis, stridesOf, type Zyx } from "../../imaging/volume/axes.js";
import type { Box } from "../../imaging/volume/grid-view.js";
import { type Labels, type LabelVolume, labelBoxes } from "./label-boxes.js";

export interface ZoomLabelsTask extends LabelVolume {
  readonly toSizeZyx: Zyx;
  /** The output. */
  readonly output: Labels;
}

/** The voxels around a label's box that also count. */
const marginVoxels = 2;

/**
 * Resizes labels one after the other: where at least half of a label is, interpolated linearly with centres of voxels at
 * half pixels, it is written over earlier ones.
 */
export function zoomLabels({ toSizeZyx, output, ...volume }: ZoomLabelsTask): void {
  for (const [label, box] of labelBoxes(volume)) zoomLabel({ toSizeZyx, output, ...volume }, label, box);
}

/** The neighbours of each output voxel along one axis. */
interface AxisBlend {
  /** The first output voxel. */
  readonly start: number;
  readonly lower: Int32Array;
  readonly upper: Int32Array;
  readonly lowerWeight: Float64Array;
  readonly upperWeight: Float64Array;
}

function zoomLabel({ voxels, sizeZyx, toSizeZyx, output }: ZoomLabelsTask, label: number, box: Box): void {
  const [onZ, onY, onX] = perAxis((axis) =>
    axisBlend(box, axis, { from: sizeZyx[axis], to: toSizeZyx[axis] }),
  );
  const [plane, row] = stridesOf(sizeZyx);
  const at = (z: number, y: number, x: number): number => (voxels[z * plane + y * row + x] === label ? 1 : 0);
  for (let k = 0; k < onZ.lower.length; k++)
    for (let j = 0; j < onY.lower.length; j++) {
      let target = ((k + onZ.start) * toSizeZyx[1] + j + onY.start) * toSizeZyx[2] + onX.start;
      for (let i = 0; i < onX.lower.length; i++, target++) {
        let sum = 0;
        for (const x of [onX.lower, onX.upper])
          for (const y of [onY.lower, onY.upper])
            for (const z of [onZ.lower, onZ.upper]) {
              const wx = (x === onX.lower ? onX.lowerWeight : onX.upperWeight)[i]!;
              const wy = (y === onY.lower ? onY.lowerWeight : onY.upperWeight)[j]!;
              const wz = (z === onZ.lower ? onZ.lowerWeight : onZ.upperWeight)[k]!;
              sum += at(z[k]!, y[j]!, x[i]!) * wx * wy * wz;
            }
        // scipy returns float32 for a float32 mask.
        if (Math.fround(sum) >= 0.5) output[target] = label;
      }
    }
}

function axisBlend(
  { startZyx, sizeZyx }: Box,
  axis: Axis,
  { from, to }: { readonly from: number; readonly to: number },
): AxisBlend {
  const cropStart = Math.max(startZyx[axis] - marginVoxels, 0);
  const cropEnd = Math.min(startZyx[axis] + sizeZyx[axis] + marginVoxels, from);
  const scale = to / from;
  const start = Math.max(Math.floor(cropStart * scale), 0);
  const end = Math.min(Math.ceil(cropEnd * scale), to);
  const count = Math.max(0, end - start);
  const [lower, upper] = [new Int32Array(count), new Int32Array(count)];
  const [lowerWeight, upperWeight] = [new Float64Array(count), new Float64Array(count)];
  for (let i = 0; i < count; i++) {
    const found = ((start + i + 0.5) * from) / to - 0.5 - cropStart;
    const x = Math.min(Math.max(found, 0), cropEnd - cropStart - 1);
    const below = Math.floor(x);
    lower[i] = cropStart + below;
    upper[i] = Math.min(cropStart + below + 1, cropEnd - 1);
    lowerWeight[i] = 1 - (x - below);
    upperWeight[i] = 1 - lowerWeight[i]!;
  }
  return { start, lower, upper, lowerWeight, upperWeight };
}
