import { expect, test } from "vitest";
import {
  mapZyx,
  perAxis,
  stridesOf,
  voxelCount,
  type Zyx,
} from "../../../../processor/imaging/volume/axes.js";
import { LabelSums } from "../../../../processor/runtime/inference/label-sums.js";
import { unflipped } from "../../../../processor/runtime/inference/mirrorings.js";
import { windowStarts } from "../../../../processor/runtime/inference/window-starts.js";
import { WindowSums } from "../../../../processor/runtime/inference/window-sums.js";

const heads = 5;
const cases: readonly { readonly sizeZyx: Zyx; readonly patchZyx: Zyx; readonly folds: number }[] = [
  { sizeZyx: [21, 17, 25], patchZyx: [8, 8, 8], folds: 1 },
  { sizeZyx: [9, 30, 11], patchZyx: [8, 16, 8], folds: 2 },
  { sizeZyx: [5, 12, 7], patchZyx: [8, 8, 8], folds: 1 },
  { sizeZyx: [3, 4, 5], patchZyx: [8, 8, 8], folds: 3 },
];

test.each(cases)(
  "the labels of $sizeZyx in windows of $patchZyx are the largest heads of the sums of the whole volume",
  ({ sizeZyx, patchZyx, folds }) => {
    const random = numbers(7);
    const padded = mapZyx(sizeZyx, (size, axis) => Math.max(size, patchZyx[axis]));
    const before = mapZyx(padded, (size, axis) => Math.floor((size - sizeZyx[axis]) / 2));
    const startsZyx = perAxis((axis) =>
      windowStarts(padded[axis], patchZyx[axis], 0.8).map((start) => start - before[axis]),
    );
    const importance = Float32Array.from({ length: voxelCount(patchZyx) }, () => 0.1 + random());
    const voxels = new Uint8Array(voxelCount(sizeZyx)).fill(255);
    const shape = { heads, patchZyx, sizeZyx, importance };
    const target = { voxels, start: 0, strideZyx: stridesOf(sizeZyx) };
    const labels = new LabelSums({ ...shape, startsZyx, target });
    const whole = new WindowSums(shape, { from: 0, to: heads });

    for (const z of startsZyx[0])
      for (const y of startsZyx[1])
        for (const x of startsZyx[2]) {
          const cornersZyx = [[z, y, x]] as const;
          for (let fold = 0; fold < folds; fold++) {
            // A few values only, so that heads often tie.
            const values = Float32Array.from({ length: heads * importance.length }, () =>
              Math.floor(3 * random()),
            );
            labels.add({ values, cornersZyx, share: 1 / folds });
            whole.add({ values, cornersZyx, share: 1 / folds, flip: unflipped });
          }
          whole.addWeights(cornersZyx);
          labels.complete();
        }

    expect(voxels).toEqual(largestHeads(whole, sizeZyx));
  },
);

test("labels go into a box of a label map with other axes", () => {
  const sizeZyx = [2, 3, 4] as const;
  const voxels = new Uint8Array(5 * 5 * 5);
  const sums = new LabelSums({
    heads: 2,
    patchZyx: sizeZyx,
    sizeZyx,
    startsZyx: [[0], [0], [0]],
    importance: new Float32Array(24).fill(1),
    target: { voxels, start: 31, strideZyx: [1, 5, 25] },
  });
  sums.add({
    values: Float32Array.from({ length: 48 }, (_, i) => (i >= 24 ? i % 2 : 0.5)),
    cornersZyx: [[0, 0, 0]],
    share: 1,
  });
  sums.complete();
  const places = [...voxels.keys()].filter((place) => voxels[place] === 1);
  const expected = [1, 3].flatMap((x) =>
    [0, 1, 2].flatMap((y) => [0, 1].map((z) => 31 + z + 5 * y + 25 * x)),
  );
  expect(places).toEqual(expected);
});

function largestHeads(sums: WindowSums, sizeZyx: Zyx): Uint8Array {
  const [slices, rows, columns] = sizeZyx;
  const plane = rows * columns;
  const slab = new Float32Array(slices * heads * plane);
  sums.finish(0, slices, slab);
  return Uint8Array.from({ length: slices * plane }, (_, i) => {
    const first = Math.floor(i / plane) * heads * plane + (i % plane);
    const means = Array.from({ length: heads }, (_, head) => slab[first + head * plane]!);
    return means.indexOf(Math.max(...means));
  });
}

function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
