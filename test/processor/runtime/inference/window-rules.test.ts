import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { gaussianImportance } from "../../../../processor/runtime/inference/gaussian.js";
import { mirrorings } from "../../../../processor/runtime/inference/mirrorings.js";
import { windowGrid } from "../../../../processor/runtime/inference/window-rows.js";
import { windowStarts } from "../../../../processor/runtime/inference/window-starts.js";
import { repositoryRoot } from "../../../support/golden.js";

interface Rules {
  readonly importance: readonly {
    readonly patch: readonly number[];
    readonly index: readonly number[];
    readonly weight: readonly number[];
  }[];
  readonly sums: readonly {
    readonly patch: readonly number[];
    readonly sum: number;
    readonly distinct: number;
  }[];
  readonly starts: readonly {
    readonly size: number;
    readonly patch: number;
    readonly stepSize: number;
    readonly starts: readonly number[];
  }[];
}

/** The results of nnU-Net's own functions. */
const rules = JSON.parse(
  readFileSync(join(repositoryRoot, "test", "fixtures", "sliding-window", "rules.json"), "utf8"),
) as Rules;

const halfSteps = (size: number, patch: number) => windowStarts(size, patch, 0.5);

describe("windows start at the same positions as nnU-Net's", () => {
  test.each(rules.starts)(
    "$size voxels, patch $patch, step $stepSize",
    ({ size, patch, stepSize, starts }) => {
      expect(windowStarts(size, patch, stepSize)).toEqual(starts);
    },
  );

  test("halves are rounded to even, as in numpy", () => {
    expect(windowStarts(101, 64, 0.5)).toEqual([0, 18, 37]);
  });
});

describe("a voxel has the same weight as in nnU-Net", () => {
  test.each(rules.importance)("in a patch of $patch", ({ patch, index, weight }) => {
    const found = gaussianImportance(patch, "half");
    expect(found.length).toBe(patch.reduce((a, b) => a * b, 1));
    // Both are float16 values, written with seven digits.
    for (const [i, at] of index.entries()) expect(found[at]! / weight[i]!).toBeCloseTo(1, 6);
  });

  test.each(rules.sums)("in every voxel of a patch of $patch", ({ patch, sum, distinct }) => {
    const found = gaussianImportance(patch, "half");
    expect(found.reduce((a, b) => a + b, 0)).toBeCloseTo(sum, 6);
    expect(new Set(found).size).toBe(distinct);
  });
});

describe("mirrorings", () => {
  test("are all combinations of the allowed axes, beginning with no axis", () => {
    const found = mirrorings([0, 2], 3);
    expect(found[0]).toEqual([false, false, false]);
    expect(new Set(found.map(String))).toEqual(
      new Set(["false,false,false", "true,false,false", "false,false,true", "true,false,true"]),
    );
    expect(found).toHaveLength(4);
  });

  test("of a 2-D patch never flip the slices", () => {
    const found = mirrorings([0, 1], 2);
    expect(found).toHaveLength(4);
    expect(found.every(([z]) => !z)).toBe(true);
    expect(found).toContainEqual([false, true, true]);
  });
});

describe("rows of windows", () => {
  test("make every slice final exactly once, in order", () => {
    for (const [size, patch] of [
      [50, [16, 8, 8]],
      [16, [16, 8, 8]],
      [5, [16, 8, 8]],
      [37, [8, 8]],
    ] as const) {
      const { rows, paddedSizeZyx } = windowGrid([size, 12, 12], patch, halfSteps);
      let next = 0;
      for (const { zStart, zEnd, finalBefore } of rows) {
        expect(zStart).toBe(next);
        expect(finalBefore).toBeLessThanOrEqual(zEnd);
        next = finalBefore;
      }
      expect(next).toBe(paddedSizeZyx[0]);
    }
  });

  test("pad a volume on both sides, with the odd voxel at the end", () => {
    const { paddedSizeZyx, paddingBeforeZyx } = windowGrid([5, 6, 7], [8, 6, 4], halfSteps);
    expect(paddedSizeZyx).toEqual([8, 6, 7]);
    expect(paddingBeforeZyx).toEqual([1, 0, 0]);
  });
});
