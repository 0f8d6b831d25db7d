import { expect } from "vitest";
import { readImage } from "../../processor/imaging/formats/read-image.js";

/** Expects two files with equal voxels and the same place in space. */
export async function expectSameSegmentation(file: string, expectedFile: string): Promise<void> {
  const found = await readImage(file);
  const expected = await readImage(expectedFile);
  expect(found.geometry.sizeZyx).toEqual(expected.geometry.sizeZyx);
  expect(Array.from(found.voxels, Number)).toEqual(Array.from(expected.voxels, Number));
  // NIfTI stores float32.
  for (const key of ["spacingMmZyx", "originMmXyz", "directionXyz"] as const)
    for (const [i, value] of found.geometry[key].entries())
      expect(value).toBeCloseTo(expected.geometry[key][i]!, 5);
}
