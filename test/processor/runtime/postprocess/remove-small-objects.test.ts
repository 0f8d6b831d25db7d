import { describe, expect, test } from "vitest";
import { removeSmallObjects } from "../../../../processor/runtime/postprocess/remove-small-objects.js";

/** Objects of label 1 with 4, 2 and 1 voxels, and one of label 2 with 1 voxel. */
const row = [1, 1, 1, 1, 0, 1, 1, 0, 1, 2] as const;

describe("objects of a label that are too small are removed, as in nnunet_serve", () => {
  test.each([
    { smallest: 2, left: [1, 1, 1, 1, 0, 1, 1, 0, 0, 0], removed: 2 },
    { smallest: 1, left: [...row], removed: 0 },
    // A share is of the largest object of the same label, rounded down.
    { smallest: 0.6, left: [1, 1, 1, 1, 0, 1, 1, 0, 0, 2], removed: 1 },
    { smallest: 0.75, left: [1, 1, 1, 1, 0, 0, 0, 0, 0, 2], removed: 2 },
  ])("smaller than $smallest", ({ smallest, left, removed }) => {
    const labels = Uint8Array.from(row);
    expect(removeSmallObjects({ labels, sizeZyx: [1, 1, row.length], smallest })).toBe(removed);
    expect([...labels]).toEqual(left);
  });

  test("voxels that touch only at a corner are two objects", () => {
    const labels = Uint8Array.from([1, 0, 0, 1]);
    expect(removeSmallObjects({ labels, sizeZyx: [1, 2, 2], smallest: 2 })).toBe(2);
  });
});
