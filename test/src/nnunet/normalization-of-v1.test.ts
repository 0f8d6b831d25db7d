import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeImage } from "../../../processor/imaging/formats/write-image.js";
import { Field } from "../../../src/checkpoint/fields.js";
import { resolveConfiguration } from "../../../src/checkpoint/nnunet-v2/configuration.js";
import { readInferencePlan } from "../../../src/checkpoint/nnunet-v2/inference-plan.js";
import { readJsonObject } from "../../../src/nnunet/files/read-json.js";
import { caseOnGrid } from "../../../src/nnunet/preprocessing/preprocess-case.js";
import { goldenPath } from "../../support/golden.js";
import { testImage } from "../../support/images/test-image.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "normalization-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Writes 4 × 4 × 4 voxels of 1 mm. */
async function write(name: string, at: (x: number, y: number, z: number) => number): Promise<string> {
  const voxels = Uint8Array.from({ length: 64 }, (_, i) =>
    at(i % 4, Math.floor(i / 4) % 4, Math.floor(i / 16)),
  );
  await writeImage(testImage([4, 4, 4], { voxels, spacingMmZyx: [1, 1, 1] }), join(folder, name));
  return join(folder, name);
}

test("a case of v1 is normalised where its resampled labels are, also where outside, background and a label meet", async () => {
  const file = goldenPath("tools", "datasets", "Dataset304_Brain", "expected_nnUNetPlans.json");
  const plans = new Field(await readJsonObject(file), "plans");
  const plan = readInferencePlan({
    plans,
    configuration: resolveConfiguration(plans, "3d_fullres"),
    dataset: new Field(
      { channel_names: { 0: "MRI" }, labels: { background: 0, a: 1 }, file_ending: ".nii.gz" },
      "dataset.json",
    ),
    imageChannels: 1,
    mirrorAxes: [],
  });
  const isOutside = (x: number, y: number, z: number): boolean => x === 0 && !(y === 3 && z === 3);
  const { data, segmentation, sizeZyx } = await caseOnGrid({
    reader: "SimpleITKIO",
    images: [
      await write("case_0000.nii.gz", (x, y, z) => (isOutside(x, y, z) ? 0 : 20 + 7 * x + 3 * y + z * z)),
    ],
    label: await write("case.nii.gz", (x, y) => (x > 0 && y % 2 === 1 ? 1 : 0)),
    plan: {
      ...plan,
      transposeForward: [0, 1, 2],
      spacingMm: [2, 2, 2],
      normalizeFirst: false,
      normalization: [{ ...plan.normalization[0]!, scheme: "ZScoreNormalizationV1", useMask: true }],
    },
    channelNames: ["MRI"],
  });
  expect(sizeZyx).toEqual([2, 2, 2]);
  // Half of the left voxels is outside, a quarter background, a quarter the label.
  expect([...segmentation]).toContain(-1);
  expect([...data].map((value) => value === 0)).toEqual([...segmentation].map((label) => label === -1));
});
