type FloatArray = Float32Array<SharedArrayBuffer> | Float64Array<SharedArrayBuffer>;

/**
 * Groups of an array seen as `outer × groups × inner`: one group for a whole 3-D resize, one for each slice along the
 * axis that is resampled apart.
 */
export interface Groups {
  readonly groups: number;
  readonly inner: number;
  /** The groups that this call does. */
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

/** skimage's `clip=True`: no value of a resized image lies outside the input's range, so cubic overshoot is cut. */
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
