/** Applies softmax over the slowest axis of `heads × count` values, in place. */
export function softmax(values: Float32Array, heads: number, count: number): void {
  for (let i = 0; i < count; i++) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let at = i; at < heads * count; at += count) largest = Math.max(largest, values[at]!);
    let sum = 0;
    for (let at = i; at < heads * count; at += count) {
      const power = Math.exp(values[at]! - largest);
      values[at] = power;
      sum += power;
    }
    for (let at = i; at < heads * count; at += count) values[at] = values[at]! / sum;
  }
}

/** Applies the logistic function to every value, in place. */
export function sigmoid(values: Float32Array): void {
  for (let i = 0; i < values.length; i++) values[i] = 1 / (1 + Math.exp(-values[i]!));
}
