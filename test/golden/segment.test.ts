import { copyFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import type { Image } from "../../processor/imaging/volume/image.js";
import { difference, readNpyGz } from "../support/golden.js";
import { dice } from "../support/images/dice.js";
import { type GoldenCase, goldenV1, goldenV2, withGoldenCase } from "../support/model/golden-case.js";
import { type PredictChoices, predictWith } from "../support/model/predict.js";
import { readNpz } from "../support/model/read-npz.js";
import { describeWith, needs } from "../support/needs.js";

const minutes = 60_000;

describe("a case from file to file gives nnU-Net's segmentation", () => {
  describe("fold 0 without mirroring", () => {
    test.each(goldenV2)("%s", { timeout: 10 * minutes }, async (name) => {
      await withGoldenCase(name, async (golden) => {
        await expectSameSegmentation(golden, "seg", { folds: ["0"], useTestTimeAugmentation: false });
      });
    });
  });

  describe("all folds with mirroring, nnU-Net's default", () => {
    test.each(goldenV2)("%s", { timeout: 20 * minutes }, async (name) => {
      await withGoldenCase(name, async (golden) => {
        await expectSameSegmentation(golden, "seg_tta", { folds: null, useTestTimeAugmentation: true });
      });
    });
  });
});

describe("a model of nnU-Net v1 gives v1's segmentation", () => {
  test.each(goldenV1)("%s: fold 0 without mirroring", { timeout: 10 * minutes }, async (name) => {
    const check = (golden: GoldenCase) =>
      expectSameSegmentation(golden, "seg", { folds: ["0"], useTestTimeAugmentation: false });
    await withGoldenCase(name, check, "v1");
  });

  test.each(goldenV1)("%s: all folds with mirroring", { timeout: 20 * minutes }, async (name) => {
    const check = (golden: GoldenCase) =>
      expectSameSegmentation(golden, "seg_tta", { folds: null, useTestTimeAugmentation: true });
    await withGoldenCase(name, check, "v1");
  });
});

describeWith([needs.openvino], "OpenVINO gives nnU-Net's segmentation, with all folds and mirroring", () => {
  const settings = { folds: null, useTestTimeAugmentation: true, inferenceEngine: "openvino" } as const;
  const check = (golden: GoldenCase) => expectSameSegmentation(golden, "seg_tta", settings);

  test.each(goldenV2)("v2 %s", { timeout: 20 * minutes }, (name) => withGoldenCase(name, check));

  test.each(goldenV1)("v1 %s", { timeout: 20 * minutes }, (name) => withGoldenCase(name, check, "v1"));
});

describeWith([needs.openvino, needs.bfloat16], "bfloat16 gives nnU-Net's segmentation", () => {
  const settings = { folds: null, useTestTimeAugmentation: true, precision: "bfloat16" } as const;
  const check = (golden: GoldenCase) => expectSameSegmentation(golden, "seg_tta", settings);

  test.each(["blobs_2d", "mr_regions_resenc_3d", "sagittal_transposed"])("v2 %s", (name) =>
    withGoldenCase(name, check),
  );
});

describe("the float16 graphs of a GPU give nnU-Net's segmentation, run on the CPU", () => {
  const settings = { folds: null, useTestTimeAugmentation: true, precision: "float16" } as const;
  const check = (golden: GoldenCase) => expectSameSegmentation(golden, "seg_tta", settings);

  test.each(["blobs_2d", "cascade_3d_lowres", "mr_regions_resenc_3d", "photos_2d", "sagittal_transposed"])(
    "v2 %s",
    async (name) => {
      await withGoldenCase(name, check);
    },
  );

  test("v1 mr_3d_fullres", async () => {
    // The labels of v1's other models have a few hundred voxels, so that one flipped voxel would be too much for the Dice.
    await withGoldenCase("mr_3d_fullres", check, "v1");
  });
});

describe("--save-probabilities writes nnU-Net's probabilities on the image's own grid", () => {
  test.each(["blobs_2d", "mr_regions_resenc_3d", "sagittal_transposed", "cascade_3d_lowres"])(
    "%s",
    async (name) => {
      await withGoldenCase(name, async (golden) => {
        await withSegmentation(
          golden,
          { folds: null, useTestTimeAugmentation: true, saveProbabilities: true },
          async (folder) => {
            const found = readNpz(join(folder, `${golden.caseName}.npz`), "probabilities");
            const expected = readNpyGz(join(golden.expectedDir, "probs_tta.npy.gz"));
            expect(found.shape).toEqual(expected.shape);
            // nnU-Net's logits are float16.
            const { max, mean } = difference(found.data, expected.data);
            expect(max).toBeLessThanOrEqual(2e-2);
            expect(mean).toBeLessThanOrEqual(1e-3);
          },
        );
      });
    },
  );
});

type Settings = Pick<
  PredictChoices,
  "folds" | "useTestTimeAugmentation" | "saveProbabilities" | "precision" | "inferenceEngine"
>;

async function expectSameSegmentation(
  golden: GoldenCase,
  expectedName: string,
  settings: Settings,
): Promise<void> {
  await withSegmentation(golden, settings, async (folder) => {
    const expectedFile = readdirSync(golden.expectedDir).find((file) => file.startsWith(`${expectedName}.`))!;
    const ending = expectedFile.slice(expectedName.length);
    const found = await readImage(join(folder, `${golden.caseName}${ending}`));
    const expected = await readImage(join(golden.expectedDir, expectedFile));
    expect(found.voxels.constructor).toBe(expected.voxels.constructor);
    expect(found.geometry.sizeZyx).toEqual(expected.geometry.sizeZyx);
    // ITK's writer has rounded the numbers of the expected file; ours keeps the input's digits.
    expectClose(found.geometry.spacingMmZyx, expected.geometry.spacingMmZyx);
    expectClose(found.geometry.originMmXyz, expected.geometry.originMmXyz);
    expectClose(found.geometry.directionXyz, expected.geometry.directionXyz);
    // nnU-Net adds up windows in float16, which flips single voxels.
    expect(differing(found, expected)).toBeLessThanOrEqual(expected.voxels.length / 10_000);
    for (const label of golden.model.labels.foregroundLabels) {
      expect(dice(found, expected, label)).toBeGreaterThanOrEqual(0.999);
    }
  });
}

async function withSegmentation(
  golden: GoldenCase,
  settings: Settings,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const outputDir = mkdtempSync(join(tmpdir(), "segmentation-"));
  try {
    const previous = golden.previousStageDir === null ? null : previousStage(golden, outputDir);
    const { cases } = await predictWith({
      ...{ modelDir: golden.folder, inputs: [golden.inputDir], outputDir, prevStageDir: previous },
      ...settings,
    });
    expect(cases.map(({ name, status, error }) => ({ name, status, error }))).toEqual([
      { name: golden.caseName, status: "done", error: undefined },
    ]);
    await use(outputDir);
  } finally {
    rmSync(outputDir, { recursive: true });
  }
}

/** Copies the golden `seg_tta` to `<case><ending>`, where the second stage looks for it. */
function previousStage(golden: GoldenCase, scratch: string): string {
  const folder = mkdtempSync(join(scratch, "previous-"));
  copyFileSync(join(golden.previousStageDir!, "seg_tta.nii.gz"), join(folder, `${golden.caseName}.nii.gz`));
  return folder;
}

function expectClose(found: readonly number[], expected: readonly number[]): void {
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i]!, 6);
}

function differing(a: Image, b: Image): number {
  let count = 0;
  for (let i = 0; i < b.voxels.length; i++) if (Number(a.voxels[i]) !== Number(b.voxels[i])) count++;
  return count;
}
