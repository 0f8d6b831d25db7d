import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { exactZoom } from "../../../../processor/imaging/resampling/exact-zoom.js";
import type { Zyx } from "../../../../processor/imaging/volume/axes.js";
import { monaiImportance, monaiStarts } from "../../../../processor/runtime/inference/monai-windows.js";
import { openPool } from "../../../../processor/runtime/threads/open-pool.js";
import { repositoryRoot } from "../../../support/golden.js";

interface Rules {
  readonly starts: readonly {
    readonly size: number;
    readonly patch: number;
    readonly overlap: number;
    readonly starts: readonly number[];
  }[];
  readonly patch: readonly number[];
  readonly weights: Readonly<Record<"gaussian" | "gaussian-1.0", readonly number[]>>;
  readonly zoom: readonly {
    readonly from: readonly number[];
    readonly to: readonly number[];
    readonly bits: readonly number[];
  }[];
}

const rules = JSON.parse(
  readFileSync(join(repositoryRoot, "test", "fixtures", "nvidia", "rules.json"), "utf8"),
) as Rules;

const pool = openPool();
afterAll(() => pool.close());

describe("windows are MONAI's", () => {
  test.each(rules.starts)(
    "of $patch in $size voxels with overlap $overlap",
    ({ size, patch, overlap, starts }) => {
      expect(monaiStarts(size, patch, overlap)).toEqual(starts);
    },
  );

  test.each(["gaussian", "gaussian-1.0"] as const)("with the weights of %s", (blend) => {
    const found = monaiImportance(rules.patch, blend);
    rules.weights[blend].forEach((weight, i) => {
      expect(found[i]).toBeCloseTo(weight, 6);
    });
  });

  test("with equal weights for a constant blend", () => {
    expect(new Set(monaiImportance([4, 5], "constant"))).toEqual(new Set([1]));
  });
});

describe("a volume is resized bit for bit as by scikit-image", () => {
  test.each(rules.zoom)("from $from to $to", async ({ from, to, bits }) => {
    const isFlat = from.length === 2;
    const [fromSizeZyx, toSizeZyx] = [from, to].map(
      (size) => (isFlat ? [1, ...size] : size) as unknown as Zyx,
    ) as [Zyx, Zyx];
    const values = new Float32Array(new SharedArrayBuffer(fromSizeZyx.reduce((a, b) => a * b, 4)));
    const [slices, rows, columns] = fromSizeZyx;
    for (let z = 0; z < slices; z++)
      for (let y = 2; y < 4; y++) for (let x = 3; x < 6; x++) values[(z * rows + y) * columns + x] = x - 2;
    const zoomed = await exactZoom(values, { fromSizeZyx, toSizeZyx, isFlat, pool });
    expect([...new Uint32Array(zoomed.buffer)]).toEqual(bits);
  });
});
