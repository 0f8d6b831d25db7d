import { perAxis, type Zyx } from "../volume/axes.js";
import type { AxisRule } from "./axis-rule.js";
import { axisTable, nearestTable } from "./axis-table.js";

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
 * is among the tied labels, else to the lowest.
 */
export function resampleLabelGrid(task: ResampleLabelGridTask): void {
  const { input, output, fromSizeZyx, toSizeZyx, slices } = task;
  const [tz, ty, tx] = perAxis((axis) => axisTable(task.rulesZyx[axis], fromSizeZyx[axis], toSizeZyx[axis]));
  const nearest = perAxis((axis) => nearestTable(fromSizeZyx[axis], toSizeZyx[axis]).lower);
  const columns = fromSizeZyx[2];
  const plane = fromSizeZyx[1] * columns;
  const labels = new Int16Array(8);
  const shares = new Float64Array(8);
  let out = slices.from * toSizeZyx[1] * toSizeZyx[2];
  for (let z = slices.from; z < slices.to; z++) {
    for (let y = 0; y < toSizeZyx[1]; y++) {
      for (let x = 0; x < toSizeZyx[2]; x++, out++) {
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
          count = addShare({ labels, shares }, count, input[cz * plane + cy * columns + cx]!, share);
        }
        const near = input[nearest[0][z]! * plane + nearest[1][y]! * columns + nearest[2][x]!]!;
        output[out] = winner({ labels, shares }, count, near);
      }
    }
  }
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
