import { sigmoid, softmax } from "../inference/nonlinearities.js";

/** Turns the logits of a slab, `z × head × y × x`, into probabilities, in place. */
export function applyNonlinearity(task: {
  readonly values: Float32Array;
  readonly heads: number;
  readonly plane: number;
  readonly kind: "softmax" | "sigmoid";
}): void {
  const { values, heads, plane, kind } = task;
  if (kind === "sigmoid") {
    sigmoid(values);
    return;
  }
  for (let start = 0; start < values.length; start += heads * plane)
    softmax(values.subarray(start, start + heads * plane), heads, plane);
}
