import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  checkTraining,
  sharedMemoryWarning,
  trainedFolder,
} from "../../../../src/nnunet/training/check-training.js";
import { needs, testWith } from "../../../support/needs.js";

let folder: string;
let dataset: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "check-training-"));
  dataset = join(folder, "pre", "Dataset007_Toy");
  mkdirSync(join(dataset, "gt_segmentations"), { recursive: true });
  writeFileSync(join(dataset, "dataset.json"), '{"file_ending": ".nii.gz"}');
  writeFileSync(join(dataset, "dataset_fingerprint.json"), "{}");
  writePlans({});
  for (const id of caseIds) {
    writeFileSync(join(dataset, "gt_segmentations", `${id}.nii.gz`), "");
    for (const configuration of ["3d_lowres", "3d_fullres"]) writeCase(configuration, id);
  }
});
afterEach(() => rmSync(folder, { recursive: true }));

const caseIds = ["a", "b", "c", "d", "e"];

function writeCase(configuration: string, id: string, endings = [".b2nd", "_seg.b2nd", ".pkl"]): void {
  const data = join(dataset, `nnUNetPlans_${configuration}`);
  mkdirSync(data, { recursive: true });
  for (const ending of endings) writeFileSync(join(data, `${id}${ending}`), "");
}

function writePlans(facts: Readonly<Record<string, string>>): void {
  const sizes = { batch_size: 2, architecture: { arch_kwargs: { n_stages: 6 } } };
  const cascade = "3d_cascade_fullres";
  const configurations = {
    "3d_lowres": { data_identifier: "nnUNetPlans_3d_lowres", next_stage: cascade, ...sizes },
    "3d_fullres": { data_identifier: "nnUNetPlans_3d_fullres", ...sizes },
    [cascade]: { inherits_from: "3d_fullres", previous_stage: "3d_lowres" },
  };
  writeFileSync(join(dataset, "nnUNetPlans.json"), JSON.stringify({ ...facts, configurations }));
}

async function check(configuration: string, ...folds: readonly (number | "all")[]) {
  const names = { trainer: "nnUNetTrainer", plans: "nnUNetPlans", configuration };
  const place = {
    preprocessedFolder: dataset,
    resultsFolder: join(folder, "res", "Dataset007_Toy"),
    ...names,
  };
  const modelFolder = await trainedFolder(place);
  return checkTraining({ ...place, modelFolder, folds, pretrainedWeights: null, gpusPerFold: 1 });
}

const writeSplits = (...splits: readonly { train: readonly string[]; val: readonly string[] }[]): void =>
  writeFileSync(join(dataset, "splits_final.json"), JSON.stringify(splits));

test("finds nothing to refuse in complete data", async () => {
  expect(await check("3d_fullres", 0, 1, 2, 3, 4, 7, "all")).toEqual([]);
  expect(await check("3d_lowres", 0)).toEqual([]);
});

test("takes cases in the .npz files that nnU-Net also reads", async () => {
  rmSync(join(dataset, "nnUNetPlans_3d_fullres"), { recursive: true });
  for (const id of caseIds) writeCase("3d_fullres", id, [".npz", ".pkl", ".npy", "_seg.npy"]);
  expect(await check("3d_fullres", 0)).toEqual([]);
});

test("refuses data in two formats, between which nnU-Net cannot choose", async () => {
  writeCase("3d_fullres", "a", [".npz"]);
  await expect(check("3d_fullres", 0)).rejects.toThrow(
    /files that end with (?:\.b2nd, \.npz|\.npz, \.b2nd);/,
  );
});

test("refuses a case without its label map, which nnU-Net would miss when it first draws the case", async () => {
  rmSync(join(dataset, "nnUNetPlans_3d_fullres", "c_seg.b2nd"));
  await expect(check("3d_fullres", 0)).rejects.toThrow(/fold 0: .*nnUNetPlans_3d_fullres lacks c_seg.b2nd/);
});

test("refuses folds with a case that is not preprocessed", async () => {
  writeSplits({ train: ["a", "b"], val: ["c"] }, { train: ["a", "x"], val: ["y"] });
  expect(await check("3d_fullres", 0)).toEqual([]);
  await expect(check("3d_fullres", 0, 1)).rejects.toThrow(
    /fold 1: .* lacks x.b2nd, x_seg.b2nd, x.pkl and 3 more/,
  );
});

test("refuses a validation case without a reference, which nnU-Net needs after the last epoch", async () => {
  writeSplits({ train: ["a"], val: ["b"] }, { train: ["b"], val: ["a"] });
  rmSync(join(dataset, "gt_segmentations", "b.nii.gz"));
  expect(await check("3d_fullres", 1)).toEqual([]);
  await expect(check("3d_fullres", 0)).rejects.toThrow(
    /gt_segmentations lacks b.nii.gz, which the validation/,
  );
});

test("refuses numbered folds of fewer than five cases, for which nnU-Net makes no split", async () => {
  for (const id of ["d", "e"])
    for (const name of [`${id}.b2nd`, `${id}_seg.b2nd`, `${id}.pkl`])
      rmSync(join(dataset, "nnUNetPlans_3d_fullres", name));
  for (const id of ["d", "e"]) rmSync(join(dataset, "gt_segmentations", `${id}.nii.gz`));
  await expect(check("3d_fullres", 0)).rejects.toThrow("has 3 cases, too few for five folds");
  expect(await check("3d_fullres", "all")).toEqual([]);
});

test("refuses a first stage without the data of the second one, for which nnU-Net predicts in the end", async () => {
  rmSync(join(dataset, "nnUNetPlans_3d_fullres"), { recursive: true });
  await expect(check("3d_lowres", 0)).rejects.toThrow(
    /nnUNetPlans_3d_fullres does not exist: after the last epoch, 3d_lowres predicts for 3d_cascade_fullres/,
  );
});

test("refuses a second stage until the first one has predicted every case", async () => {
  const first = join(folder, "res", "Dataset007_Toy", "nnUNetTrainer__nnUNetPlans__3d_lowres");
  const predictions = join(first, "predicted_next_stage", "3d_cascade_fullres");
  await expect(check("3d_cascade_fullres", 0)).rejects.toThrow(/does not exist: all folds of 3d_lowres/);
  mkdirSync(predictions, { recursive: true });
  for (const id of ["a", "b", "d", "e"]) writeFileSync(join(predictions, `${id}.b2nd`), "");
  await expect(check("3d_cascade_fullres", 0)).rejects.toThrow(
    /3d_cascade_fullres lacks c: all folds of 3d_lowres/,
  );
  writeFileSync(join(predictions, "c.b2nd"), "");
  expect(await check("3d_cascade_fullres", 0)).toEqual([]);
});

test("takes the name inside the plans for the model's folder, as nnU-Net does", async () => {
  writePlans({ plans_name: "myPlans", dataset_name: "Dataset007_Toy" });
  const names = { trainer: "nnUNetTrainer", plans: "nnUNetPlans", configuration: "3d_fullres" };
  const place = { preprocessedFolder: dataset, resultsFolder: "res", ...names };
  expect(await trainedFolder(place)).toBe(join("res", "nnUNetTrainer__myPlans__3d_fullres"));
});

test("refuses plans of another data set, in whose folders nnU-Net would look", async () => {
  writePlans({ plans_name: "nnUNetPlans", dataset_name: "Dataset008_Other" });
  await expect(check("3d_fullres", 0)).rejects.toThrow(/is of Dataset008_Other.*move-plans/);
});

testWith([needs.mount], "warns of the little shared memory that a container has by itself", async () => {
  const small = join(folder, "shm");
  mkdirSync(small);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=64m", "tmpfs", small]);
  try {
    expect(await sharedMemoryWarning(undefined, small)).toMatch(/shm has 67 MB.*--shm-size 8g/);
    expect(await sharedMemoryWarning("0", small)).toBeNull();
  } finally {
    execFileSync("umount", [small]);
  }
});
