import { expect, test } from "vitest";
import { countVoxels } from "../../../src/nnunet/evaluation/count-voxels.js";

test("labels below 0 and above 65535 are counted, and as float32, as nnU-Net reads them", () => {
  const counts = countVoxels({
    reference: Float64Array.of(70000, -3, 16777217, 1.5),
    prediction: Float64Array.of(70000, -3, 16777216, 70000),
    regions: [[70000], [-3], [16777217], [1]],
    ignoreLabel: null,
  });
  expect(counts.map(({ truePositives, falsePositives }) => [truePositives, falsePositives])).toEqual([
    [1, 1],
    [1, 0],
    [1, 0],
    [0, 0],
  ]);
});
