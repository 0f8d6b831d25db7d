import type { AxisTable } from "../../imaging/resampling/axis-table.js";
import type { Zyx } from "../../imaging/volume/axes.js";
import { roundToHalf } from "../../imaging/volume/float16.js";
import { sigmoid, softmax } from "../inference/nonlinearities.js";
import { blendSlices, type SlabWindow } from "./blend-slices.js";

/** One network's output, and its mapping to the cropped image's grid. */
export interface ProbabilitySource {
  readonly window: SlabWindow;
  readonly heads: number;
  /** The rows and columns of the network's grid. */
  readonly networkRows: number;
  readonly networkColumns: number;
  readonly tables: Zyx<AxisTable>;
  /**
   * `softmax` over heads, `sigmoid` of each, or `none` if the network's output holds probabilities already, as in v1,
   * whose ensembles round them to float16.
   */
  readonly nonlinearity: "softmax" | "sigmoid" | "none";
}

export interface ProbabilitySliceTask {
  readonly sources: readonly ProbabilitySource[];
  readonly z: number;
  /** `head × y × x` of one slice of the cropped image grid. */
  readonly output: Float32Array;
}

/**
 * Writes the probabilities of one slice: interpolated logits, then nnU-Net's nonlinearity; for several sources, the
 * mean.
 */
export function probabilitySlice({ sources, z, output }: ProbabilitySliceTask): void {
  if (sources.length === 1) {
    fill(output, sources[0]!, z);
    return;
  }
  const single = new Float32Array(output.length);
  output.fill(0);
  for (const source of sources) {
    fill(single, source, z);
    const isHalf = source.nonlinearity === "none";
    for (let i = 0; i < output.length; i++) output[i]! += isHalf ? roundToHalf(single[i]!) : single[i]!;
  }
  const isHalf = sources.every(({ nonlinearity }) => nonlinearity === "none");
  for (let i = 0; i < output.length; i++) {
    const mean = output[i]! / sources.length;
    output[i] = isHalf ? roundToHalf(mean) : mean;
  }
}

function fill(output: Float32Array, source: ProbabilitySource, z: number): void {
  const { heads, networkRows, networkColumns, tables } = source;
  const plane = networkRows * networkColumns;
  const blended = new Float32Array(heads * plane);
  blendSlices(blended, { window: source.window, table: tables[0], z });
  const [, rowTable, columnTable] = tables;
  const rows = rowTable.lower.length;
  const columns = columnTable.lower.length;
  for (let head = 0; head < heads; head++) {
    let out = head * rows * columns;
    for (let y = 0; y < rows; y++) {
      const upperRow = head * plane + rowTable.lower[y]! * networkColumns;
      const lowerRow = head * plane + rowTable.upper[y]! * networkColumns;
      const wy = rowTable.weight[y]!;
      for (let x = 0; x < columns; x++) {
        const x0 = columnTable.lower[x]!;
        const x1 = columnTable.upper[x]!;
        const wx = columnTable.weight[x]!;
        const upper = (1 - wx) * blended[upperRow + x0]! + wx * blended[upperRow + x1]!;
        const lower = (1 - wx) * blended[lowerRow + x0]! + wx * blended[lowerRow + x1]!;
        output[out++] = (1 - wy) * upper + wy * lower;
      }
    }
  }
  if (source.nonlinearity === "softmax") softmax(output, heads, rows * columns);
  if (source.nonlinearity === "sigmoid") sigmoid(output);
}
