import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { neighbouringModels } from "../../../../src/nnunet/model-files/neighbouring-models.js";
import { requireTrained } from "../../../../src/nnunet/selection/require-trained.js";
import { scratchFolder } from "../../../support/oci/oci-scratch.js";

describe("the message about a model that does not exist", () => {
  test("names the models of the data set, with the flags that choose one", async () => {
    const dataset = join(scratchFolder(), "Dataset005_Prostate");
    for (const name of ["ensembles", "B__nnUNetPlans__2d", "A__nnUNetPlans__2d"])
      mkdirSync(join(dataset, name), { recursive: true });
    await expect(requireTrained(join(dataset, "nnUNetTrainer__nnUNetPlans__2d"))).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringMatching(
        /train this model first; Dataset005_Prostate has A__nnUNetPlans__2d, B__nnUNetPlans__2d \(--trainer/,
      ),
    });
  });

  test("names none if there are none", async () => {
    expect(await neighbouringModels(join(scratchFolder(), "Dataset001_X", "A__B__2d"))).toBe("");
  });
});
