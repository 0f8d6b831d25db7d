import type { AxisTable } from "../../imaging/resampling/axis-table.js";

/** The network slices that are available: those of the current slab, and the last one before it. */
export interface SlabWindow {
  /** The index of the slab's first slice. */
  readonly zStart: number;
  /** `slice × head × y × x`. */
  readonly values: Float32Array;
  /** `head × y × x` of slice `zStart - 1`; null for the first slab. */
  readonly previous: Float32Array | null;
}

/** Writes all heads of one output slice, still on the network's rows and columns: `head × y × x`. */
export function blendSlices(
  blended: Float32Array,
  at: { readonly window: SlabWindow; readonly table: AxisTable; readonly z: number },
): void {
  const { window, table, z } = at;
  const w = table.weight[z]!;
  const a = sliceOf(window, table.lower[z]!, blended.length);
  if (w === 0) {
    blended.set(a);
    return;
  }
  const b = sliceOf(window, table.upper[z]!, blended.length);
  for (let i = 0; i < blended.length; i++) blended[i] = (1 - w) * a[i]! + w * b[i]!;
}

function sliceOf({ zStart, values, previous }: SlabWindow, z: number, length: number): Float32Array {
  if (z < zStart) return previous!;
  return values.subarray((z - zStart) * length, (z - zStart + 1) * length);
}
