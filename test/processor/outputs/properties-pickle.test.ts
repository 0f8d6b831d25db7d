import { expect, test } from "vitest";
import { propertiesPickle } from "../../../processor/outputs/properties-pickle.js";
import type { Prepared } from "../../../processor/preprocess/prepared.js";
import { pythonGlobals } from "../../../src/checkpoint/pickle/python-globals.js";
import { readPickle } from "../../../src/checkpoint/pickle/read-pickle.js";

const history: Prepared["history"] = {
  originalGeometry: {
    sizeZyx: [4, 5, 6],
    spacingMmZyx: [3, 2.5, 0.75],
    originMmXyz: [-1.5, 20, 100],
    directionXyz: [1, 0, 0, 0, -1, 0, 0, 0, 1],
    dimensions: 3,
  },
  sizeBeforeCroppingZyx: [6, 4, 5],
  cropBoxZyx: [
    [1, 6],
    [0, 4],
    [2, 5],
  ],
  sizeAfterCroppingZyx: [5, 4, 3],
  originalSpacingMmZyx: [0.75, 3, 2.5],
  networkSpacingMmZyx: [1, 1, 1],
};

const read = (properties: Prepared["history"]) =>
  readPickle(propertiesPickle(properties), { source: "case.pkl", globals: pythonGlobals }).value;

test("properties say where the image lies and how it was cropped, under nnU-Net's names", () => {
  expect(read(history)).toEqual(
    new Map<string, unknown>([
      [
        "sitk_stuff",
        new Map([
          ["spacing", [0.75, 2.5, 3]],
          ["origin", [-1.5, 20, 100]],
          ["direction", [1, 0, 0, 0, -1, 0, 0, 0, 1]],
        ]),
      ],
      ["spacing", [3, 2.5, 0.75]],
      ["shape_before_cropping", [6, 4, 5]],
      [
        "bbox_used_for_cropping",
        [
          [1, 6],
          [0, 4],
          [2, 5],
        ],
      ],
      ["shape_after_cropping_and_before_resampling", [5, 4, 3]],
    ]),
  );
});

test("a flat image has two dimensions for SimpleITK", () => {
  const flat = { ...history, originalGeometry: { ...history.originalGeometry, dimensions: 2 as const } };
  expect((read(flat) as Map<string, unknown>).get("sitk_stuff")).toEqual(
    new Map([
      ["spacing", [0.75, 2.5]],
      ["origin", [-1.5, 20]],
      ["direction", [1, 0, 0, -1]],
    ]),
  );
});
