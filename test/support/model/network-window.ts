import { readFileSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";

/** Every `step`-th logit, in C order, that torch computed for the window below. */
export interface WindowFixture {
  readonly shape: readonly number[];
  readonly step: number;
  readonly values: readonly number[];
}

export const readWindow = (file: string): WindowFixture => JSON.parse(readFileSync(file, "utf8"));

export interface WindowComparison {
  readonly shape: readonly number[];
  /** The largest difference from torch's values, divided by their range. */
  readonly relativeError: number;
}

/**
 * Runs a converted network on the window x[i] = ((i * 2654435761) mod 2^32) / 2^31 - 1, as test/peer/network_fixtures.py
 * runs the original.
 */
export async function compareWindow(
  convertedFolder: string,
  inputShape: readonly number[],
  expected: WindowFixture,
): Promise<WindowComparison> {
  const session = await InferenceSession.create(join(convertedFolder, "fold_0.onnx"), {
    intraOpNumThreads: 2,
  });
  try {
    const input = new Tensor("float32", syntheticWindow(inputShape), [...inputShape]);
    const logits = (await session.run({ input })).logits as Tensor;
    const values = logits.data as Float32Array;
    const range = Math.max(...expected.values) - Math.min(...expected.values);
    const errors = expected.values.map((value, i) => Math.abs(value - (values[i * expected.step] as number)));
    // Math.max returns NaN if an argument is NaN, so that a NaN cannot pass for a small error.
    return { shape: logits.dims, relativeError: errors.reduce((a, b) => Math.max(a, b), 0) / range };
  } finally {
    await session.release();
  }
}

export function syntheticWindow(shape: readonly number[]): Float32Array {
  const count = shape.reduce((a, b) => a * b, 1);
  return Float32Array.from({ length: count }, (_, i) => (Math.imul(i, 2654435761) >>> 0) / 2 ** 31 - 1);
}
