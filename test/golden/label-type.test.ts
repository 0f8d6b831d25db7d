import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import { repositoryRoot } from "../support/golden.js";
import { withConvertedModel } from "../support/model/convert.js";
import { predictWith } from "../support/model/predict.js";

const fixture = join(repositoryRoot, "test", "fixtures", "models", "labels_254");
const modelDir = join(fixture, "model", "Dataset900_Held", "nnUNetTrainer__nnUNetPlans__2d");

test("a case whose labels are below 255 is written as uint8, though the model has 255 of them", async () => {
  const outputDir = mkdtempSync(join(tmpdir(), "label-type-"));
  try {
    await withConvertedModel(modelDir, async ({ folder }) => {
      const inputs = [join(fixture, "input")];
      const { cases } = await predictWith({
        modelDir: folder,
        inputs,
        outputDir,
        useTestTimeAugmentation: false,
      });
      const found = await readImage(cases[0]!.outputFile);
      const expected = await readImage(join(fixture, "expected", "case0.nii.gz"));
      expect(found.voxels).toBeInstanceOf(Uint8Array);
      expect(found.voxels).toEqual(expected.voxels);
    });
  } finally {
    rmSync(outputDir, { recursive: true });
  }
});
