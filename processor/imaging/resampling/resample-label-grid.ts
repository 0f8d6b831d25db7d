import { perAxis, type Zyx } from "../volume/axes.js";
import type { AxisRule } from "./axis-rule.js";
import { type AxisTable, axisTable, nearestTable } from "./axis-table.js";

export interface ResampleLabelGridTask {
  readonly input: Int16Array;
  readonly output: Int16Array;
  readonly fromSizeZyx: Zyx;
  readonly toSizeZyx: Zyx;
  /** The rule of each axis, which takes the nearest label or lets two neighbours vote. */
  readonly rulesZyx: Zyx<AxisRule>;
  /** The output slices that this call computes. */
  readonly slices: { readonly from: number; readonly to: number };
}

/**
 * Gives each output voxel the label with the largest linearly interpolated indicator, as batchgenerators'
 * `resize_segmentation` does. All labels are interpolated at once, because only the eight neighbours can have a share.
 * Shares are summed in scipy's order, which decides whether labels tie exactly. A tie goes to the nearest label if it
 * is among the tied labels, else to the lowest. Most voxels lie inside one label, where all eight neighbours agree.
 */
export function resampleLabelGrid(task: ResampleLabelGridTask): void {
  const { fromSizeZyx, toSizeZyx, slices } = task;
  const election: LabelElection = {
    input: task.input,
    output: task.output,
    tablesZyx: perAxis((axis) => axisTable(task.rulesZyx[axis], fromSizeZyx[axis], toSizeZyx[axis])),
    nearestZyx: perAxis((axis) => nearestTable(fromSizeZyx[axis], toSizeZyx[axis]).lower),
    rowStride: fromSizeZyx[2],
    sliceStride: fromSizeZyx[1] * fromSizeZyx[2],
    labels: new Int16Array(8),
    shares: new Float64Array(8),
  };
  for (let z = slices.from; z < slices.to; z++)
    for (let y = 0; y < toSizeZyx[1]; y++) fillRow(election, z, y, (z * toSizeZyx[1] + y) * toSizeZyx[2]);
}

interface LabelElection extends Votes {
  readonly input: Int16Array;
  readonly output: Int16Array;
  readonly tablesZyx: Zyx<AxisTable>;
  /** The index of the nearest input sample of each output sample. */
  readonly nearestZyx: Zyx<Int32Array>;
  readonly rowStride: number;
  readonly sliceStride: number;
}

/** Fills a row of the output, which begins at an index. */
function fillRow(election: LabelElection, z: number, y: number, start: number): void {
  const { input, output, rowStride, sliceStride } = election;
  const [tz, ty, { lower, upper }] = election.tablesZyx;
  const row00 = tz.lower[z]! * sliceStride + ty.lower[y]! * rowStride;
  const row01 = tz.lower[z]! * sliceStride + ty.upper[y]! * rowStride;
  const row10 = tz.upper[z]! * sliceStride + ty.lower[y]! * rowStride;
  const row11 = tz.upper[z]! * sliceStride + ty.upper[y]! * rowStride;
  for (let x = 0; x < lower.length; x++) {
    const left = lower[x]!;
    const right = upper[x]!;
    const label = input[row00 + left]!;
    const isAgreed =
      label === input[row00 + right] &&
      label === input[row01 + left] &&
      label === input[row01 + right] &&
      label === input[row10 + left] &&
      label === input[row10 + right] &&
      label === input[row11 + left] &&
      label === input[row11 + right];
    output[start + x] = isAgreed ? label : elected(election, z, y, x);
  }
}

function elected(election: LabelElection, z: number, y: number, x: number): number {
  const { input, rowStride, sliceStride, nearestZyx } = election;
  const [tz, ty, tx] = election.tablesZyx;
  let count = 0;
  for (let corner = 0; corner < 8; corner++) {
    const wz = corner & 4 ? tz.weight[z]! : 1 - tz.weight[z]!;
    const wy = corner & 2 ? ty.weight[y]! : 1 - ty.weight[y]!;
    const wx = corner & 1 ? tx.weight[x]! : 1 - tx.weight[x]!;
    const share = wz * wy * wx;
    if (share === 0) continue;
    const cz = corner & 4 ? tz.upper[z]! : tz.lower[z]!;
    const cy = corner & 2 ? ty.upper[y]! : ty.lower[y]!;
    const cx = corner & 1 ? tx.upper[x]! : tx.lower[x]!;
    count = addShare(election, count, input[cz * sliceStride + cy * rowStride + cx]!, share);
  }
  const near = nearestZyx[0][z]! * sliceStride + nearestZyx[1][y]! * rowStride + nearestZyx[2][x]!;
  return winner(election, count, input[near]!);
}

interface Votes {
  readonly labels: Int16Array;
  readonly shares: Float64Array;
}

function addShare({ labels, shares }: Votes, count: number, label: number, share: number): number {
  for (let i = 0; i < count; i++) {
    if (labels[i] !== label) continue;
    shares[i]! += share;
    return count;
  }
  labels[count] = label;
  shares[count] = share;
  return count + 1;
}

function winner({ labels, shares }: Votes, count: number, nearest: number): number {
  let best = 0;
  for (let i = 1; i < count; i++) {
    if (shares[i]! > shares[best]! || (shares[i] === shares[best] && labels[i]! < labels[best]!)) best = i;
  }
  for (let i = 0; i < count; i++) if (labels[i] === nearest && shares[i] === shares[best]) return nearest;
  return labels[best]!;
}
