import { readdirSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { goldenPath, type NpyArray, readNpyGz } from "../support/golden.js";
import { withConvertedModel } from "../support/model/convert.js";

/**
 * nnU-Net v1's first window starts at the first voxel. No other window covers the voxels before the start of the second
 * one, so that nnU-Net's probabilities there are the softmax of the first window, whatever its weights were.
 */
describe("a converted v1 network gives nnU-Net's probabilities where only the first window contributes:", () => {
  test.each(readdirSync(goldenPath("v1")))("%s", async (name) => {
    const [caseName] = readdirSync(goldenPath("v1", name, "expected")) as [string];
    const input = readNpyGz(goldenPath("v1", name, "expected", caseName, "preprocessed.npy.gz"));
    const expected = readNpyGz(goldenPath("v1", name, "expected", caseName, "probs.npy.gz"));
    await withConvertedModel(goldenPath("v1", name, "model"), async ({ folder, manifest }) => {
      const { patchSize } = manifest.models[0]!.plan;
      const patch = patchSize.length === 2 ? [1, ...patchSize] : patchSize;
      const logits = await runFirstWindow(join(folder, "fold_0.onnx"), {
        input,
        patch,
        axes: patchSize.length,
      });
      // A 2-D network gets one slice at a time.
      const seen = patch.map((size, axis) => (size === 1 ? 1 : secondStart(input.shape[axis + 1]!, size)));
      let count = 0;
      let max = 0;
      forEachVoxel(seen, (zyx) => {
        const probabilities = softmax(logits.map((head) => head[flatIndex(zyx, patch)]!));
        for (const [head, probability] of probabilities.entries()) {
          const nnunet = expected.data[flatIndex([head, ...zyx], expected.shape)]!;
          max = Math.max(max, Math.abs(probability - nnunet));
          count++;
        }
      });
      expect(count).toBeGreaterThan(100);
      // The float32 sums have another order. The golden data's tolerance for whole volumes is 5e-3.
      expect(max).toBeLessThan(2e-4);
    });
  });
});

/** Returns the start of the second of v1's n = ceil((size - patch) / (patch / 2)) + 1 even windows, or the end of the patch if n is 1. */
function secondStart(size: number, patch: number): number {
  if (size < patch) throw new Error("the golden case is padded, which this test does not undo");
  const windows = Math.ceil((size - patch) / (patch / 2)) + 1;
  return windows === 1 ? patch : Math.floor((size - patch) / (windows - 1));
}

async function runFirstWindow(
  onnxFile: string,
  { input, patch, axes }: { input: NpyArray; patch: readonly number[]; axes: number },
): Promise<Float32Array[]> {
  const channels = input.shape[0]!;
  const size = patch.reduce((a, b) => a * b, 1);
  const window = new Float32Array(channels * size);
  for (let channel = 0; channel < channels; channel++) {
    forEachVoxel(patch, (zyx) => {
      window[channel * size + flatIndex(zyx, patch)] = input.data[flatIndex([channel, ...zyx], input.shape)]!;
    });
  }
  const session = await InferenceSession.create(onnxFile);
  try {
    const tensor = new Tensor("float32", window, [1, channels, ...patch.slice(3 - axes)]);
    const logits = (await session.run({ input: tensor })).logits!.data as Float32Array;
    return Array.from({ length: logits.length / size }, (_, head) =>
      logits.slice(head * size, (head + 1) * size),
    );
  } finally {
    await session.release();
  }
}

function forEachVoxel(size: readonly number[], visit: (zyx: [number, number, number]) => void): void {
  for (let z = 0; z < size[0]!; z++)
    for (let y = 0; y < size[1]!; y++) for (let x = 0; x < size[2]!; x++) visit([z, y, x]);
}

const flatIndex = (index: readonly number[], shape: readonly number[]): number =>
  index.reduce((flat, i, axis) => flat * shape[axis]! + i, 0);

function softmax(values: readonly number[]): number[] {
  const largest = Math.max(...values);
  const exponentials = values.map((value) => Math.exp(value - largest));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / sum);
}
