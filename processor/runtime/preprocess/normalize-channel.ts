/**
 * The parameters of `(clip(x) − offset) / divisor`, the form of all of nnU-Net's normalisations. It is computed in
 * place.
 */
export interface NormalizeTask {
  readonly values: Float32Array;
  /** Voxels with a 0 in the mask keep their value, or become 0 if `zeroOutsideMask` is true; null for no mask. */
  readonly mask: Uint8Array | null;
  readonly zeroOutsideMask: boolean;
  readonly clip: readonly [low: number, high: number] | null;
  readonly offset: number;
  readonly divisor: number;
  readonly range: { readonly from: number; readonly to: number };
}

export function normalizeChannel(task: NormalizeTask): void {
  const { values, mask, zeroOutsideMask, clip, offset, divisor, range } = task;
  const low = clip?.[0] ?? Number.NEGATIVE_INFINITY;
  const high = clip?.[1] ?? Number.POSITIVE_INFINITY;
  for (let i = range.from; i < range.to; i++) {
    if (mask !== null && mask[i] === 0) {
      if (zeroOutsideMask) values[i] = 0;
      continue;
    }
    const value = values[i]!;
    values[i] = (Math.min(Math.max(value, low), high) - offset) / divisor;
  }
}
