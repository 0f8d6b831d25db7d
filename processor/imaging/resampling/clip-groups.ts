type FloatArray = Float32Array<SharedArrayBuffer> | Float64Array<SharedArrayBuffer>;

/**
 * The groups of an array with the shape `outer × groups × inner`: one group for a resize in 3-D, or one for each slice
 * along the axis that is resampled separately.
 */
export interface Groups {
  readonly groups: number;
  readonly inner: number;
  /** The groups that this call handles. */
  readonly range: { readonly from: number; readonly to: number };
}

/** Writes the smallest and the largest value of each group. */
export function rangeOfGroups(
  task: Groups & { readonly values: FloatArray; readonly minimum: FloatArray; readonly maximum: FloatArray },
): void {
  const { values, groups, inner, range, minimum, maximum } = task;
  for (let group = range.from; group < range.to; group++) {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (let start = group * inner; start < values.length; start += groups * inner) {
      for (let i = start; i < start + inner; i++) {
        const value = values[i]!;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    minimum[group] = low;
    maximum[group] = high;
  }
}

/**
 * Clips each group to its range, as skimage's `clip=True` does, so that a cubic spline does not leave the input's
 * range.
 */
export function clipGroups(
  task: Groups & { readonly values: FloatArray; readonly minimum: FloatArray; readonly maximum: FloatArray },
): void {
  const { values, groups, inner, range, minimum, maximum } = task;
  for (let group = range.from; group < range.to; group++) {
    const low = minimum[group]!;
    const high = maximum[group]!;
    for (let start = group * inner; start < values.length; start += groups * inner) {
      for (let i = start; i < start + inner; i++) {
        const value = values[i]!;
        if (value < low) values[i] = low;
        else if (value > high) values[i] = high;
      }
    }
  }
}
