import { readFileSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";

/** What torch computed for the window below: every `step`-th logit in C order. */
export interface WindowFixture {
  readonly shape: readonly number[];
  readonly step: number;
  readonly values: readonly number[];
}

export const readWindow = (file: string): WindowFixture => JSON.parse(readFileSync(file, "utf8"));

export interface WindowComparison {
  readonly shape: readonly number[];
  /** Largest difference to torch, as a part of the range of torch's values. */
  readonly relativeError: number;
}

/**
 * Runs a converted network on the window x[i] = ((i * 2654435761) mod 2^32) / 2^31 - 1, the one of
 * test/peer/network_fixtures.py.
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
    // Math.max hands a NaN on, so that it can't look like a small error.
    return { shape: logits.dims, relativeError: errors.reduce((a, b) => Math.max(a, b), 0) / range };
  } finally {
    await session.release();
  }
}

export function syntheticWindow(shape: readonly number[]): Float32Array {
  const count = shape.reduce((a, b) => a * b, 1);
  return Float32Array.from({ length: count }, (_, i) => (Math.imul(i, 2654435761) >>> 0) / 2 ** 31 - 1);
}
