import { expect, test } from "vitest";
import { LocalSink } from "../../../../processor/runtime/inference/output-sink.js";
import { SlabSender } from "../../../../processor/runtime/inference/slab-sender.js";
import {
  type FromInferenceWorker,
  releasedIndex,
} from "../../../../processor/runtime/inference/worker-messages.js";

type Slab = Extract<FromInferenceWorker, { type: "slab" }>;

/** Predicts one window of ones, and takes each slab at once. */
function predictOnes(heads: number, sizeZyx: readonly [number, number, number]) {
  const control = new Int32Array(new SharedArrayBuffer(8));
  const taken: Slab[] = [];
  const slabs = new SlabSender({ heads, sizeZyx, control }, (message) => {
    taken.push(message as Slab);
    Atomics.add(control, releasedIndex, 1);
  });
  const voxels = sizeZyx.reduce((a, b) => a * b, 1);
  const importance = new Float32Array(voxels).fill(1);
  const sink = new LocalSink({ heads, patchZyx: sizeZyx, sizeZyx, importance }, slabs);
  const values = new Float32Array(heads * voxels).fill(1);
  const cornersZyx = [[0, 0, 0]] as const;
  sink.add({ values, cornersZyx, flip: [false, false, false], share: 1 }, null);
  sink.addWeights(cornersZyx);
  sink.finish(0, sizeZyx[0], 0);
  sink.settle();
  return taken;
}

test("a small answer is sent in one piece", () => {
  const taken = predictOnes(2, [3, 4, 5]);
  expect(taken.map(({ zStart, slices }) => [zStart, slices])).toEqual([[0, 3]]);
});

test("a large answer is sent in pieces of at most 32 MB, in memory that is used in turn", () => {
  const taken = predictOnes(50, [9, 200, 200]); // 8 MB for each slice
  expect(taken.map(({ zStart, slices }) => [zStart, slices])).toEqual([
    [0, 4],
    [4, 4],
    [8, 1],
  ]);
  for (const { values } of taken) expect(values.every((value) => value === 1)).toBe(true);
  expect(taken[2]!.values.buffer).toBe(taken[0]!.values.buffer);
  expect(taken[1]!.values.buffer).not.toBe(taken[0]!.values.buffer);
});
