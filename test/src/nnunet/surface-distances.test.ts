import { expect, test } from "vitest";
import { boxOf, surfaceScores } from "../../../src/nnunet/evaluation/surface-distances.js";

/** A box of ones in a volume of 12 × 14 × 16 voxels. */
function boxMask(from: readonly number[], to: readonly number[]): Uint8Array {
  const mask = new Uint8Array(12 * 14 * 16);
  for (let z = from[0]!; z < to[0]!; z++)
    for (let y = from[1]!; y < to[1]!; y++)
      for (let x = from[2]!; x < to[2]!; x++) mask[(z * 14 + y) * 16 + x] = 1;
  return mask;
}

const grid = { sizeZyx: [12, 14, 16], spacingMmZyx: [3, 1, 0.5], isFlat: false } as const;

test("gives the HD95 that medpy computes with scipy's distance transform, for voxels that are not cubes", () => {
  const scores = surfaceScores({
    ...grid,
    reference: boxMask([2, 3, 4], [8, 9, 12]),
    prediction: boxMask([3, 3, 2], [9, 11, 12]),
    toleranceMm: 1,
  });
  expect(scores.hd95Mm).toBeCloseTo(3.1622776601683795, 12);
  expect(scores.surfaceDice).toBeCloseTo(0.55, 12);
});

test("gives no distance, and a surface Dice of 0, if only one mask is empty", () => {
  const empty = boxMask([0, 0, 0], [0, 0, 0]);
  const full = boxMask([2, 3, 4], [8, 9, 12]);
  expect(surfaceScores({ ...grid, reference: empty, prediction: full, toleranceMm: 1 })).toEqual({
    hd95Mm: Number.NaN,
    surfaceDice: 0,
  });
  expect(surfaceScores({ ...grid, reference: empty, prediction: empty, toleranceMm: 1 })).toEqual({
    hd95Mm: Number.NaN,
    surfaceDice: Number.NaN,
  });
});

test("finds the box of two masks, and none for empty ones", () => {
  const masks = [boxMask([2, 3, 4], [8, 9, 12]), boxMask([3, 3, 2], [9, 11, 12])];
  expect(boxOf(masks, grid.sizeZyx)).toEqual({ startZyx: [2, 3, 2], sizeZyx: [7, 8, 10] });
  expect(boxOf([boxMask([0, 0, 0], [0, 0, 0])], grid.sizeZyx)).toBeNull();
});
