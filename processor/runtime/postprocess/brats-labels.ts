import { voxelCount, type Zyx } from "../../imaging/volume/axes.js";
import { labelComponents } from "../../imaging/volume/connected-components.js";
import type { LabelMap } from "../../imaging/volume/label-map.js";
import { type ExportGrid, placeInImage } from "./export-grid.js";
import type { ProbabilitySink } from "./export-labels.js";

/** The rules of NVIDIA's notebooks for the two challenges. */
interface BratsRule {
  /** The least probabilities of whole tumour, tumour core and enhancing tumour. */
  readonly thresholds: readonly [number, number, number];
  /** Components of enhancing tumour with 2 voxels up to this number become core if they are unsure. */
  readonly smallComponent: number;
  /** All enhancing tumour becomes core if it has fewer voxels and is unsure. */
  readonly smallTumour: number;
}

const rules: Readonly<Record<2021 | 2022, BratsRule>> = {
  2021: { thresholds: [0.5, 0.5, 0.5], smallComponent: 7, smallTumour: 73 },
  2022: { thresholds: [0.4, 0.35, 0.375], smallComponent: 3, smallTumour: 5 },
};

/** A mean probability below it is unsure. */
const sure = 0.9;

const core = 1;
const oedema = 2;
const enhancing = 4;

export interface BratsSink extends ProbabilitySink {
  /** Returns the labels, after all slices have been written. */
  labels(): LabelMap;
}

/**
 * Makes the labels of BraTS from the probabilities of whole tumour, tumour core and enhancing tumour, as NVIDIA's
 * notebooks `BraTS21.ipynb` and `BraTS22.ipynb` do (`to_lbl`).
 */
export function openBratsLabels(grid: ExportGrid, year: 2021 | 2022): BratsSink {
  const { thresholds, smallComponent, smallTumour } = rules[year];
  const { sizeAfterCroppingZyx: sizeZyx, originalGeometry } = grid.history;
  const [, rows, columns] = sizeZyx;
  const plane = rows * columns;
  const voxels = new Uint8Array(voxelCount(sizeZyx));
  const probabilities = new Float32Array(voxels.length);
  return {
    writeSlice(z, planes) {
      const start = z * plane;
      for (let i = 0; i < plane; i++) {
        const probability = planes[2 * plane + i]!;
        probabilities[start + i] = probability;
        if (!(planes[i]! > thresholds[0])) continue;
        const isCore = planes[plane + i]! > thresholds[1];
        voxels[start + i] = probability > thresholds[2] ? enhancing : isCore ? core : oedema;
      }
      return Promise.resolve();
    },
    labels() {
      dropSmallComponents(voxels, probabilities, { sizeZyx, smallComponent });
      dropSmallTumour(voxels, probabilities, smallTumour);
      return { voxels: inWholeImage(voxels, grid), geometry: originalGeometry };
    },
  };
}

function dropSmallComponents(
  voxels: Uint8Array,
  probabilities: Float32Array,
  { sizeZyx, smallComponent }: { readonly sizeZyx: Zyx; readonly smallComponent: number },
): void {
  const { runStart, runLength, runComponent, sizes } = labelComponents(voxels, {
    sizeZyx,
    labels: [enhancing],
    connectivity: 6,
  });
  const sums = new Float64Array(sizes.length);
  for (let run = 0; run < runStart.length; run++)
    for (let i = 0; i < runLength[run]!; i++) sums[runComponent[run]!]! += probabilities[runStart[run]! + i]!;
  for (let run = 0; run < runStart.length; run++) {
    const component = runComponent[run]!;
    const size = sizes[component]!;
    if (size < 2 || size > smallComponent || sums[component]! / size >= sure) continue;
    voxels.fill(core, runStart[run]!, runStart[run]! + runLength[run]!);
  }
}

function dropSmallTumour(voxels: Uint8Array, probabilities: Float32Array, smallTumour: number): void {
  let count = 0;
  let sum = 0;
  for (let i = 0; i < voxels.length; i++)
    if (voxels[i] === enhancing) {
      count++;
      sum += probabilities[i]!;
    }
  if (count === 0 || count >= smallTumour || sum / count >= sure) return;
  for (let i = 0; i < voxels.length; i++) if (voxels[i] === enhancing) voxels[i] = core;
}

function inWholeImage(voxels: Uint8Array, grid: ExportGrid): Uint8Array<SharedArrayBuffer> {
  const { originalGeometry, sizeAfterCroppingZyx } = grid.history;
  const [slices, rows, columns] = sizeAfterCroppingZyx;
  const { start, strideZyx } = placeInImage(grid);
  const whole = new Uint8Array(new SharedArrayBuffer(voxelCount(originalGeometry.sizeZyx)));
  for (let z = 0; z < slices; z++)
    for (let y = 0; y < rows; y++) {
      const from = (z * rows + y) * columns;
      whole.set(voxels.subarray(from, from + columns), start + z * strideZyx[0] + y * strideZyx[1]);
    }
  return whole;
}
