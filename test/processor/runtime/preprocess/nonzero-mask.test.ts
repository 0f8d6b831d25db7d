import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Zyx } from "../../../../processor/imaging/volume/axes.js";
import { fillMask, nonzeroExtent } from "../../../../processor/runtime/preprocess/nonzero-mask.js";
import { repositoryRoot } from "../../../support/golden.js";

/** A random mask, and the result of scipy's `binary_fill_holes` for it. Each voxel is a digit. */
interface HoleCase {
  readonly sizeZyx: Zyx;
  readonly mask: string;
  readonly filled: string;
}

const cases = JSON.parse(
  readFileSync(join(repositoryRoot, "test", "fixtures", "components", "holes.json"), "utf8"),
) as readonly HoleCase[];

describe("the holes in the mask of masked normalisation are filled as in scipy", () => {
  test.each(cases.map((known, index) => ({ name: `${index}: ${known.sizeZyx.join("×")}`, known })))(
    "$name",
    ({ known: { sizeZyx, mask, filled } }) => {
      const result = new Uint8Array(mask.length);
      fillMask({ channels: Float32Array.from(mask, Number), channelCount: 1, sizeZyx, mask: result });
      expect(result.join("")).toBe(filled);
    },
  );

  test("the mask contains voxels with a positive or negative value in any channel", () => {
    const mask = new Uint8Array(4);
    fillMask({
      channels: Float32Array.of(0, -3, 0, 0, /* second channel */ 2, 0, 0, 0),
      ...{ channelCount: 2, sizeZyx: [1, 2, 2], mask },
    });
    expect(Array.from(mask)).toEqual([1, 1, 0, 0]);
  });
});

describe("the box of the voxels that are not zero", () => {
  const extent = (channels: readonly number[], range: { readonly from: number; readonly to: number }) =>
    nonzeroExtent({ channels: Float32Array.from(channels), channelCount: 1, sizeZyx: [2, 2, 3], range });

  test("is half-open and contains the first and the last such voxel", () => {
    const channels = [0, 0, 0, 0, -1, 0, 0, 0, 5, 0, 0, 0];
    expect(extent(channels, { from: 0, to: 2 })).toEqual([
      [0, 2],
      [0, 2],
      [1, 3],
    ]);
  });

  test("is null for slices that are zero everywhere", () => {
    expect(extent([0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0], { from: 0, to: 1 })).toBeNull();
  });
});
