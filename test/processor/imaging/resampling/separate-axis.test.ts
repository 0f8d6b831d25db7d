import { describe, expect, test } from "vitest";
import { separateExportAxisV1 } from "../../../../processor/imaging/resampling/separate-axis.js";
import type { Zyx } from "../../../../processor/imaging/volume/axes.js";

describe("v1's export separates", () => {
  const axis = (original: Zyx, network: Zyx, transposeForward: Zyx, forceSeparateZ: boolean | null = null) =>
    separateExportAxisV1({
      ...{ rule: { forceSeparateZ }, transposeForward },
      originalSpacingMmZyx: original,
      networkSpacingMmZyx: network,
    });

  test("the image's thick axis, whatever the network's grid is", () => {
    expect(axis([1, 1, 5], [5, 1, 1], [0, 1, 2])).toBe(2);
    expect(axis([5, 1, 1], [1, 1, 1], [0, 1, 2])).toBe(0);
  });

  test("the network's thick axis if the image has none, by its number in transposed order", () => {
    expect(axis([1, 1, 1], [5, 1, 1], [0, 1, 2])).toBe(0);
    // Transposed axis 0 was the image's axis 2, but v1 separates the image's axis 0, which is transposed axis 1.
    expect(axis([1, 1, 1], [5, 1, 1], [2, 0, 1])).toBe(1);
  });

  test("no axis if two axes or no axes are thick, or if the plans forbid it", () => {
    expect(axis([5, 5, 1], [1, 1, 1], [0, 1, 2])).toBeNull();
    expect(axis([1, 1, 1], [1, 1, 1], [0, 1, 2])).toBeNull();
    expect(axis([5, 1, 1], [1, 1, 1], [0, 1, 2], false)).toBeNull();
    expect(axis([2, 1, 1], [1, 1, 1], [0, 1, 2], true)).toBe(0);
  });
});
