import { expect, test } from "vitest";
import { VoxelCounter } from "../../../src/nnunet/evaluation/count-voxels.js";

test("labels below 0 and above 65535 are counted, and as float32, as nnU-Net reads them", () => {
  const counter = new VoxelCounter([[70000], [-3], [16777217], [1]], null);
  counter.add(Float64Array.of(70000, -3, 16777217, 1.5), Float64Array.of(70000, -3, 16777216, 70000));
  expect(
    counter.counts().map(({ truePositives, falsePositives }) => [truePositives, falsePositives]),
  ).toEqual([
    [1, 1],
    [1, 0],
    [1, 0],
    [0, 0],
  ]);
});

/** Runs that begin and end within four voxels, and a last one that fills no word. */
const labelAt = (i: number, shift: number): number =>
  i % 23 < 9 + shift ? 0 : i % 23 < 17 ? 1 : (i + shift) % 4;

test.each([
  [Uint8Array, Uint8Array],
  [Uint16Array, Uint16Array],
  [Int16Array, Uint8Array],
  [Float32Array, Float32Array],
  [Float64Array, Uint8Array],
] as const)("voxels of %o and %o are counted one by one", (Reference, Prediction) => {
  const reference = new Reference(1003);
  const prediction = new Prediction(1003);
  for (let i = 0; i < reference.length; i++) {
    reference[i] = labelAt(i, 0);
    prediction[i] = labelAt(i, 2);
  }
  const whole = new VoxelCounter([[1, 3]], 2);
  whole.add(reference, prediction);
  const inParts = new VoxelCounter([[1, 3]], 2);
  // The second part begins within a word of four bytes.
  for (const [from, to] of [
    [0, 401],
    [401, 1003],
  ] as const)
    inParts.add(reference.subarray(from, to), prediction.slice(from, to));
  const expected = { truePositives: 0, falsePositives: 0, falseNegatives: 0, trueNegatives: 0 };
  for (const [i, value] of reference.entries()) {
    if (value === 2) continue;
    const [isIn, isPredicted] = [value, prediction[i]!].map((label) => label === 1 || label === 3);
    if (isPredicted) expected[isIn ? "truePositives" : "falsePositives"]++;
    else expected[isIn ? "falseNegatives" : "trueNegatives"]++;
  }
  expect(whole.counts()).toEqual([expected]);
  expect(inParts.counts()).toEqual([expected]);
  expect(expected.falseNegatives).toBeGreaterThan(0);
});
