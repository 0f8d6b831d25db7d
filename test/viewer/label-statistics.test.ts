import { expect, test } from "vitest";
import { labelStatistics } from "../../viewer/src/labels/label-statistics.js";
import { labelColour } from "../../viewer/src/labels/palette.js";

test("each label has its volume in ml, in the order of the numbers", () => {
  const voxels = new Uint8Array(10 * 10 * 10).fill(2, 0, 300).fill(1, 300, 400);
  const found = labelStatistics({ voxels, sizeXyz: [10, 10, 10], voxelVolumeMm3: 2 });
  expect(found.map(({ label, voxelCount, volumeMl }) => [label, voxelCount, volumeMl])).toEqual([
    [1, 100, 0.2],
    [2, 300, 0.6],
  ]);
});

test("the centre of a label is one of its voxels, even if the label is a ring", () => {
  const [width, height] = [9, 9];
  const voxels = new Uint8Array(width * height);
  for (let y = 1; y <= 7; y++)
    for (let x = 1; x <= 7; x++) if (x === 1 || x === 7 || y === 1 || y === 7) voxels[y * width + x] = 5;
  const [ring] = labelStatistics({ voxels, sizeXyz: [width, height, 1], voxelVolumeMm3: 1 });
  const [x, y, z] = ring!.centreXyz;
  expect(z).toBe(0);
  expect(voxels[y * width + x]).toBe(5);
});

test("the centre of a box is its middle", () => {
  const voxels = new Uint8Array(8 * 8 * 8);
  for (let z = 3; z <= 5; z++)
    for (let y = 1; y <= 3; y++) voxels.fill(7, z * 64 + y * 8 + 4, z * 64 + y * 8 + 7);
  const [box] = labelStatistics({ voxels, sizeXyz: [8, 8, 8], voxelVolumeMm3: 1 });
  expect(box!.centreXyz).toEqual([5, 2, 4]);
});

test("an empty label map has no labels", () => {
  expect(labelStatistics({ voxels: new Uint8Array(8), sizeXyz: [2, 2, 2], voxelVolumeMm3: 1 })).toEqual([]);
});

test("the colours of the first 48 labels differ", () => {
  const colours = Array.from({ length: 48 }, (_, i) => labelColour(i).join(","));
  expect(new Set(colours).size).toBe(48);
});

/** Machado, Oliveira and Fernandes (2009): how people without red or without green receptors see linear RGB. */
const deficiencies = {
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
} as const;

test.each(Object.entries(deficiencies))("with %s the first 8 colours still differ", (_, matrix) => {
  const linear = (value: number): number => ((value / 255 + 0.055) / 1.055) ** 2.4;
  const seen = Array.from({ length: 8 }, (_, i) => {
    const rgb = labelColour(i).map(linear);
    return matrix.map(
      (row) =>
        Math.max(
          0,
          row.reduce((sum, weight, k) => sum + weight * rgb[k]!, 0),
        ) **
        (1 / 2.2),
    );
  });
  const distances = seen.flatMap((a, i) =>
    seen.slice(i + 1).map((b) => Math.hypot(...a.map((value, k) => value - b[k]!))),
  );
  expect(Math.min(...distances)).toBeGreaterThan(0.1);
});
