import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { repositoryRoot } from "../../support/golden.js";
import { modelIn } from "../../support/model/model-in.js";

const fixture = (name: string) => join(repositoryRoot, "test", "fixtures", name);
const v2 = fixture("networks/plain_two_stages");
const v1 = fixture("networks_v1/generic_slope");

let tree: string;
beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), "find-model-"));
});
afterEach(() => rmSync(tree, { recursive: true }));

const place = (source: string, ...path: readonly string[]): string => {
  const folder = join(tree, ...path);
  cpSync(source, folder, { recursive: true });
  return folder;
};

describe("a trained model is found", () => {
  test("in its own folder, which may have any name", async () => {
    const modelDir = place(v2, "model");
    expect(await modelIn(modelDir)).toEqual({
      folder: modelDir,
      nnunetVersion: 2,
      task: { id: 900, name: "Odd" },
      datasetName: "Dataset900_Odd",
      configuration: "odd",
      networkFormat: "checkpoint",
      leftOut: [],
      checkpointName: "checkpoint_final.pth",
      folds: [{ fold: "0", checkpointFile: join(modelDir, "fold_0", "checkpoint_final.pth"), range: null }],
      tree: null,
      nvidia: null,
    });
  });

  test("in nnUNet_results, by task and configuration", async () => {
    place(v2, "Dataset001_A", "nnUNetTrainer__nnUNetPlans__2d");
    place(v2, "Dataset002_B", "nnUNetTrainer__nnUNetPlans__2d");
    const wanted = place(v2, "Dataset002_B", "nnUNetTrainer__nnUNetPlans__3d_fullres");
    const model = await modelIn(tree, { taskId: 2, taskName: "B", configuration: "3d_fullres" });
    expect(model).toMatchObject({ folder: wanted, datasetName: "Dataset002_B", configuration: "3d_fullres" });
  });

  test("in a RESULTS_FOLDER of v1", async () => {
    const wanted = place(v1, "models/nnUNet/3d_fullres/Task017_Organs/nnUNetTrainerV2__nnUNetPlansv2.1");
    place(v1, "models/nnUNet/2d/Task017_Organs/nnUNetTrainerV2__nnUNetPlansv2.1");
    const model = await modelIn(tree, { taskId: 17, configuration: "3d_fullres" });
    expect(model).toMatchObject({
      folder: wanted,
      nnunetVersion: 1,
      task: { id: 17, name: "Organs" },
      configuration: "3d_fullres",
      checkpointName: "model_final_checkpoint.model",
    });
  });

  test("of v1 in its own folder, by the file next to the checkpoint", async () => {
    const model = await modelIn(place(v1, "model"));
    expect(model).toMatchObject({
      task: { id: 900, name: "Odd" },
      configuration: "3d_fullres",
      nnunetVersion: 1,
    });
  });

  test("of v1 by its checkpoint's name without ending, as in nnU-Net v1", async () => {
    const modelDir = place(v1, "model");
    const { checkpointName, folds } = await modelIn(modelDir, { checkpointName: "model_final_checkpoint" });
    expect([checkpointName, folds.length]).toEqual(["model_final_checkpoint.model", 1]);
  });

  test("next to a broken model of another task", async () => {
    writeFileSync(join(place(v2, "Dataset001_A", "nnUNetTrainer__nnUNetPlans__2d"), "plans.json"), "{");
    place(v2, "Dataset002_B", "nnUNetTrainer__nnUNetPlans__2d");
    expect(await modelIn(tree, { taskId: 2 })).toMatchObject({ datasetName: "Dataset002_B" });
  });

  test("through links, even circular ones", async () => {
    const outside = place(v2, "elsewhere", "model");
    const modelDir = join(tree, "here");
    mkdirSync(modelDir);
    symlinkSync(outside, join(modelDir, "linked"));
    symlinkSync(modelDir, join(modelDir, "loop"));
    symlinkSync(join(tree, "nowhere"), join(modelDir, "dangling"));
    expect(await modelIn(modelDir)).toMatchObject({ folder: join(modelDir, "linked") });
  });
});

describe("folds", () => {
  const withFolds = (...names: readonly string[]): string => {
    const modelDir = place(v2, "model");
    for (const name of names) cpSync(join(v2, "fold_0"), join(modelDir, name), { recursive: true });
    return modelDir;
  };
  const foldsOf = async (modelDir: string, folds: readonly string[] = []) =>
    (await modelIn(modelDir, { folds })).folds.map(({ fold }) => fold);

  test("are all numbered ones in order, without fold_all, as in nnU-Net", async () => {
    const modelDir = withFolds("fold_10", "fold_2", "fold_all");
    expect(await foldsOf(modelDir)).toEqual(["0", "2", "10"]);
    expect((await modelIn(modelDir)).leftOut).toEqual([
      { fold: "all", reason: "fold all is used only if it is the only one" },
    ]);
  });

  test("are the requested ones, in the requested order", async () => {
    expect(await foldsOf(withFolds("fold_1", "fold_2", "fold_all"), ["2", "0"])).toEqual(["2", "0"]);
    expect(await foldsOf(join(tree, "model"), ["all"])).toEqual(["all"]);
  });

  test("are fold_all if it is the only one", async () => {
    const modelDir = withFolds("fold_all");
    rmSync(join(modelDir, "fold_0"), { recursive: true });
    expect(await foldsOf(modelDir)).toEqual(["all"]);
  });

  test("without the checkpoint do not count", async () => {
    const modelDir = withFolds("fold_1");
    rmSync(join(modelDir, "fold_1", "checkpoint_final.pth"));
    expect(await foldsOf(modelDir)).toEqual(["0"]);
    expect((await modelIn(modelDir)).leftOut).toEqual([
      { fold: "1", reason: "fold 1 has no checkpoint_final.pth" },
    ]);
    await expect(foldsOf(modelDir, ["1"])).rejects.toThrow(
      "fold 1 has no checkpoint_final.pth; the trained folds are 0",
    );
  });

  test("that do not exist are FOLD_MISSING with the existing ones", async () => {
    const attempt = foldsOf(withFolds("fold_1"), ["3"]);
    await expect(attempt).rejects.toMatchObject({ code: "FOLD_MISSING" });
    await expect(attempt).rejects.toThrow("no fold 3; the trained folds are 0, 1");
  });

  test("with only another checkpoint are FOLD_MISSING with its name", async () => {
    const attempt = modelIn(withFolds(), { checkpointName: "checkpoint_best.pth" });
    await expect(attempt).rejects.toMatchObject({ code: "FOLD_MISSING" });
    await expect(attempt).rejects.toThrow("no fold has checkpoint_best.pth; fold_0 has checkpoint_final.pth");
  });
});

describe("anything but exactly one model is refused with what was found:", () => {
  test.each<[name: string, make: () => string, code: string, message: string]>([
    ["a folder that is missing", () => join(tree, "missing"), "MODEL_NOT_FOUND", "does not exist"],
    ["an empty folder", () => tree, "MODEL_NOT_FOUND", "it is empty"],
    [
      "a file",
      () => {
        writeFileSync(join(tree, "model.txt"), "");
        return join(tree, "model.txt");
      },
      "MODEL_NOT_FOUND",
      "is a file",
    ],
    [
      "a folder of other things",
      () => {
        writeFileSync(join(tree, "scan.nii.gz"), "");
        return tree;
      },
      "MODEL_NOT_FOUND",
      "it has scan.nii.gz",
    ],
    [
      "a model without data set",
      () => {
        rmSync(join(place(v2, "model"), "dataset.json"));
        return tree;
      },
      "MODEL_NOT_FOUND",
      "has plans.json, but no dataset.json",
    ],
    [
      "a model without folds",
      () => {
        rmSync(join(place(v2, "model"), "fold_0"), { recursive: true });
        return tree;
      },
      "MODEL_NOT_FOUND",
      "has plans.json, but no fold_* folder",
    ],
  ])("%s", async (_, make, code, message) => {
    const attempt = modelIn(make());
    await expect(attempt).rejects.toMatchObject({ code });
    await expect(attempt).rejects.toThrow(message);
  });

  test("a model of another task", async () => {
    place(v2, "model");
    const attempt = modelIn(tree, { taskId: 17, taskName: "AbdominalOrganSegmentation" });
    await expect(attempt).rejects.toMatchObject({ code: "MODEL_TASK_MISMATCH" });
    await expect(attempt).rejects.toThrow("holds Dataset900_Odd, not task 17 AbdominalOrganSegmentation");
  });

  test("a configuration that was not trained", async () => {
    place(v2, "Dataset001_A", "nnUNetTrainer__nnUNetPlans__2d");
    const attempt = modelIn(tree, { configuration: "3d_fullres" });
    await expect(attempt).rejects.toMatchObject({ code: "CONFIGURATION_MISSING" });
    await expect(attempt).rejects.toThrow("has 2d, not 3d_fullres");
  });

  test("several models", async () => {
    place(v2, "Dataset001_A", "nnUNetTrainer__nnUNetPlans__2d");
    place(v2, "Dataset001_A", "nnUNetTrainer__nnUNetPlans__3d_fullres");
    const attempt = modelIn(tree, { taskId: 1 });
    await expect(attempt).rejects.toMatchObject({ code: "MODEL_AMBIGUOUS" });
    await expect(attempt).rejects.toThrow(
      /2 models:\n {2}Dataset001_A 2d: .*\n {2}Dataset001_A 3d_fullres: /,
    );
  });
});
