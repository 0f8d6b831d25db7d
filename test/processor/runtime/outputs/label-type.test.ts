import { describe, expect, test } from "vitest";
import type { LabelDefinition } from "../../../../processor/contract/manifest.js";
import { identityDirection } from "../../../../processor/imaging/volume/geometry.js";
import { inWritersType } from "../../../../processor/runtime/outputs/label-type.js";
import { planOf } from "../../../support/model/plan-of.js";
import { smallPlans } from "../../../support/model/small-plans.js";

const geometry = {
  ...{ sizeZyx: [1, 1, 3] as const, spacingMmZyx: [1, 1, 1] as const, originMmXyz: [0, 0, 0] as const },
  ...{ directionXyz: identityDirection, dimensions: 3 as const },
};

/** The largest number of labels that a network may have, so that only the values of the case matter. */
const manyLabels: LabelDefinition = {
  ...{ names: [], regionsClassOrder: null, ignoreLabel: null },
  foregroundLabels: Array.from({ length: 300 }, (_, i) => i + 1),
};

function typeOf(largest: number, reader: string, nnunetVersion: 1 | 2 = 2): string {
  const { plan } = planOf(smallPlans({ image_reader_writer: reader }), smallDataset, "c");
  const labelMap = { voxels: Uint16Array.of(0, largest, 1), geometry };
  const { voxels } = inWritersType(labelMap, { plan, nnunetVersion, labels: manyLabels });
  expect(Array.from(voxels)).toEqual([0, largest, 1]);
  return voxels instanceof Uint8Array ? "uint8" : "uint16";
}

const smallDataset = {
  labels: { background: 0, a: 1 },
  channel_names: { 0: "x" },
  file_ending: ".nii.gz",
};

describe("the largest label of a case decides the type of its file", () => {
  test.each(["SimpleITKIO", "NibabelIO", "NibabelIOWithReorient", "NaturalImage2DIO", "Tiff3DIO"])(
    "below 255 for %s",
    (reader) => {
      expect([254, 255, 256].map((label) => typeOf(label, reader))).toEqual(["uint8", "uint16", "uint16"]);
    },
  );

  test("up to 255 for SimpleITKIOWithReorient and nnU-Net v1, which know uint8 only", () => {
    const labels = [254, 255, 256];
    expect(labels.map((label) => typeOf(label, "SimpleITKIOWithReorient"))).toEqual([
      "uint8",
      "uint8",
      "uint16",
    ]);
    expect(labels.map((label) => typeOf(label, "SimpleITKIO", 1))).toEqual(["uint8", "uint8", "uint16"]);
  });

  test("a region that is painted 255 needs uint16, however few regions there are", () => {
    const { plan } = planOf(smallPlans({}), smallDataset, "c");
    const labels = { ...manyLabels, foregroundLabels: [1, 2], regionsClassOrder: [1, 255] };
    const labelMap = { voxels: Uint8Array.of(0, 255, 1), geometry };
    const { voxels } = inWritersType(labelMap, { plan, nnunetVersion: 2, labels });
    expect(voxels).toEqual(Uint16Array.of(0, 255, 1));
  });
});
