import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Field } from "../../../src/checkpoint/fields.js";
import { readInferencePlanV1 } from "../../../src/checkpoint/nnunet-v1/inference-plan.js";
import { resolveConfiguration } from "../../../src/checkpoint/nnunet-v2/configuration.js";
import { readInferencePlan } from "../../../src/checkpoint/nnunet-v2/inference-plan.js";
import { nnunetError } from "../../../src/ground/errors/nnunet-errors.js";
import { readDatasetJson } from "../../../src/nnunet/datasets/dataset-json.js";
import { changedRawFiles, foundReader } from "../../../src/nnunet/datasets/raw-files.js";
import { readJsonObject } from "../../../src/nnunet/files/read-json.js";
import { readNpy } from "../../../src/nnunet/files/read-npz.js";
import { loadPart, savePart } from "../../../src/nnunet/fingerprint/case-parts.js";
import { type CaseFingerprint, fingerprintCase } from "../../../src/nnunet/fingerprint/fingerprint-case.js";
import { readFingerprint } from "../../../src/nnunet/fingerprint/fingerprint-file.js";
import { changeTrainer } from "../../../src/nnunet/model-files/change-trainer.js";
import { movePlans } from "../../../src/nnunet/model-files/move-plans.js";
import { explainPlans } from "../../../src/nnunet/planning/explain-plan.js";
import { makePlans, savePlans } from "../../../src/nnunet/planning/make-plans.js";
import { planPicture } from "../../../src/nnunet/planning/plan-picture.js";
import { planners } from "../../../src/nnunet/planning/planners.js";
import { planTask } from "../../../src/nnunet/planning/v1/plan-dataset-v1.js";
import { readLabelRules } from "../../../src/nnunet/selection/label-rules.js";
import { checkTraining } from "../../../src/nnunet/training/check-training.js";
import { foldProgress } from "../../../src/nnunet/training/fold-progress.js";
import { readTaskPlans } from "../../../src/nnunet/v1/preprocess-task.js";
import { mutateBytes, mutateJson } from "../mutations/mutate.js";
import { mutatePickle } from "../mutations/mutate-pickle.js";
import { type FuzzedReader, type FuzzInput, type FuzzSeed, golden, require } from "./fuzzed-reader.js";

const dataset = join(golden, "tools", "datasets", "Dataset303_AnisoMR");
const training = join(golden, "tools", "training");
const model = join(golden, "v1", "blobs_2d", "model");
const file = (path: string) => () => readFileSync(path);

/** The files of a data set that planning and training read, by their paths in the fuzzed folder. */
const prepared: Readonly<Record<string, () => Buffer>> = {
  "dataset.json": file(join(dataset, "dataset.json")),
  "dataset_fingerprint.json": file(join(dataset, "expected_fingerprint.json")),
  "nnUNetPlans.json": file(join(dataset, "expected_nnUNetPlans.json")),
  ...Object.fromEntries(
    ["00", "01"].flatMap((id) => [
      [`labelsTr/mr_${id}.nii.gz`, file(join(dataset, "labelsTr", `mr_${id}.nii.gz`))],
      ...["0000", "0001"].map((channel) => [
        `imagesTr/mr_${id}_${channel}.nii.gz`,
        file(join(dataset, "imagesTr", `mr_${id}_${channel}.nii.gz`)),
      ]),
    ]),
  ),
};

const fold: Readonly<Record<string, () => Buffer>> = {
  "training_log_2026_1_1_00_00_00.txt": file(join(training, "training_log_finished.txt")),
  "debug.json": file(join(training, "debug.json")),
  "checkpoint_final.pth": () => Buffer.alloc(1),
  "validation/summary.json": () => Buffer.from('{"foreground_mean": {"Dice": 0.5}}'),
};

/** Returns one of some files as a seed, with the others as its companions. */
function among(files: Readonly<Record<string, () => Buffer>>, path: string): FuzzSeed {
  const others = Object.entries(files).filter(([name]) => name !== path);
  return { path, bytes: files[path]!, companions: Object.fromEntries(others) };
}

/** Readers of what planning, preprocessing and training leave for each other. */
export const trainingReaders: Readonly<Record<string, FuzzedReader>> = {
  planning: {
    mutation: mutateJson,
    seeds: async () => [
      among(prepared, "dataset_fingerprint.json"),
      among(prepared, "dataset.json"),
      among(prepared, "nnUNetPlans.json"),
      rawFiles,
    ],
    read: plans,
  },
  "plans-of-training": {
    mutation: mutateJson,
    seeds: async () => [among(prepared, "nnUNetPlans.json"), among(prepared, "dataset.json")],
    read: preparesTraining,
  },
  "fold-progress": {
    mutation: mutateBytes,
    seeds: async () => Object.keys(fold).map((name) => among(fold, name)),
    read: async ({ folder }) => {
      for (const version of [1, 2] as const) {
        const progress = await foldProgress(folder, version, Date.now());
        const epochs = progress?.epochs ?? 1;
        require(Number.isSafeInteger(epochs), "a whole number of epochs");
      }
    },
  },
  "trainer-record": {
    mutation: mutatePickle,
    seeds: async () => [
      {
        path: "fold_0/model_final_checkpoint.model.pkl",
        bytes: file(join(model, "fold_0", "model_final_checkpoint.model.pkl")),
      },
    ],
    read: async ({ folder }) => {
      const changed = await changeTrainer(folder, "nnUNetTrainerV2_Other");
      require(changed.length === 1, "one changed file");
      // What was written can be read, and changed once more.
      await changeTrainer(folder, "nnUNetTrainerV2");
    },
  },
  "plans-v1": {
    mutation: mutatePickle,
    seeds: async () => [
      {
        path: "nnUNetPlansv2.1_plans_3D.pkl",
        bytes: file(join(golden, "v1", "blobs_3d_fullres", "model", "plans.pkl")),
      },
    ],
    read: async ({ file: plansFile }) => {
      const plans = (await readTaskPlans(plansFile))!;
      const stages = plans.get("plans_per_stage");
      for (const stage of stages.keys()) {
        const { patchSize } = readInferencePlanV1({ plans, stagePlan: stages.get(stage), doesMirror: false });
        require(patchSize.every(Number.isSafeInteger), "whole numbers as sizes");
      }
    },
  },
  "fingerprint-part": {
    mutation: mutateBytes,
    seeds: async () => [partOf(await savedPart())],
    read: async ({ folder, file: part }) => {
      const name = basename(part);
      mkdirSync(join(folder, ".fingerprint_parts"));
      copyFileSync(part, join(folder, ".fingerprint_parts", name));
      const loaded = await loadPart(folder, measured);
      // A damaged file counts as none.
      if (loaded === null) throw nnunetError("DATASET_INVALID", "the part is damaged");
      require(isDeepStrictEqual(
        plain(loaded),
        plain(await fingerprintCase(measured.task)),
      ), "the same result");
    },
  },
  "npy-floats": {
    mutation: mutateBytes,
    seeds: async () => [{ path: "case.npy", bytes: () => npy }],
    read: async (input) => {
      const { shape, values } = await readNpy(input.file);
      require(shape.reduce((all, size) => all * size, 1) === values.length, "a value for each index");
    },
  },
};

const shape = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 4, 5), }";
const header = `${shape.padEnd(117)}\n`;
const npy = Buffer.concat([
  Buffer.from("\u0093NUMPY\u0001\u0000", "latin1"),
  Buffer.from([header.length, 0]),
  Buffer.from(header, "latin1"),
  Buffer.from(Float32Array.from({ length: 120 }, (_, i) => i / 7).buffer),
]);

/** A case of a data set whose files are the same in each run, because a part belongs to files of one date. */
const measured = {
  caseId: "mr_00",
  task: {
    reader: "SimpleITKIO",
    images: [join(dataset, "imagesTr", "mr_00_0000.nii.gz")],
    label: join(dataset, "labelsTr", "mr_00.nii.gz"),
    draws: 100,
  },
} as const;

/** Measures the case and returns the file that a stopped run would leave. */
async function savedPart(): Promise<{ readonly name: string; readonly bytes: Buffer }> {
  const folder = mkdtempSync(join(tmpdir(), "fuzz-part-"));
  try {
    await savePart(folder, { ...measured, result: await fingerprintCase(measured.task) });
    const [name = ""] = readdirSync(join(folder, ".fingerprint_parts"));
    return { name, bytes: readFileSync(join(folder, ".fingerprint_parts", name)) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const plain = ({ channels, ...others }: CaseFingerprint) => ({
  ...others,
  channels: channels.map(({ values, weights }) => [[...values], [...weights]]),
});

const partOf = ({ name, bytes }: { readonly name: string; readonly bytes: Buffer }): FuzzSeed => ({
  path: name,
  bytes: () => bytes,
});

const rawFiles: FuzzSeed = {
  path: "raw_files.json",
  bytes: () =>
    Buffer.from(
      JSON.stringify({
        reader: "SimpleITKIO",
        files: Object.fromEntries(
          Object.entries(prepared)
            .filter(([path]) => path.endsWith(".nii.gz"))
            .map(([path, bytes]) => [path, { bytes: bytes().length, modifiedMs: 1, sha256: "" }]),
        ),
      }),
    ),
  companions: prepared,
};

/** Plans with several planners, and says why. Raw files that have changed since are no fault here. */
async function plans({ folder, file: changed }: FuzzInput): Promise<void> {
  await foundReader(folder);
  await changedRawFiles(folder, folder, [join(folder, "labelsTr", "mr_00.nii.gz")]);
  if (basename(changed) === "raw_files.json") return;
  const place = { name: "Dataset303_AnisoMR", rawFolder: folder, preprocessedFolder: folder };
  const settings = { gigabytes: null, spacingMmZyx: null, plansName: null, preprocessor: "Default" };
  for (const planner of ["ExperimentPlanner", "nnUNetPlannerResEncL"] as const) {
    const made = await makePlans(place, { ...settings, planner }, {});
    require(explainPlans(made).length > 0, "reasons");
    const { slices } = made.plan;
    require(planPicture({ title: "2d", planned: slices, constants: planners[planner] }).length >
      0, "a picture");
    await savePlans(made, folder);
    require((await readJsonObject(join(folder, `${made.plansName}.json`))) !==
      null, "plans that can be read");
  }
  const { spacings, shapesAfterCrop } = await readFingerprint(folder);
  const facts = { spacings, sizes: shapesAfterCrop, classes: [1], modalities: ["CT"], sizeReductions: [1] };
  for (const planner of ["ExperimentPlanner3D_v21", "ExperimentPlanner2D_v21"] as const)
    planTask(facts, planner);
}

/** Reads plans as `preprocess`, `train`, `find-best` and `move-plans` do. */
async function preparesTraining({ folder }: FuzzInput): Promise<void> {
  const { raw, channelNames } = await readDatasetJson(folder);
  const plansFile = join(folder, "nnUNetPlans.json");
  const read = new Field(await readJsonObject(plansFile), plansFile);
  for (const name of ["2d", "3d_fullres"])
    readInferencePlan({
      plans: read,
      configuration: resolveConfiguration(read, name),
      dataset: new Field(raw, join(folder, "dataset.json")),
      imageChannels: channelNames.length,
      mirrorAxes: [],
    });
  copyFileSync(plansFile, join(folder, "plans.json"));
  await readLabelRules(folder);
  mkdirSync(join(folder, "other"), { recursive: true });
  const moved = await movePlans({
    sourceFolder: folder,
    plans: "nnUNetPlans",
    target: { name: "Dataset304_Other", rawFolder: folder, preprocessedFolder: join(folder, "other") },
    newName: "otherPlans",
    environment: {},
  });
  require((await readJsonObject(moved)) !== null, "plans that can be read");
  await checksTraining(folder);
}

/** A training that lacks data is refused at the end, which is no fault of the plans. */
async function checksTraining(folder: string): Promise<void> {
  mkdirSync(join(folder, "gt_segmentations"), { recursive: true });
  const model = { trainer: "nnUNetTrainer", plans: "nnUNetPlans", configuration: "3d_fullres" };
  const place = { preprocessedFolder: folder, resultsFolder: folder, modelFolder: join(folder, "model") };
  try {
    await checkTraining({ ...place, ...model, folds: [0], pretrainedWeights: null, gpusPerFold: 1 });
    throw nnunetError("DATASET_INVALID", "a training without data was accepted");
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes("has no preprocessed case")) throw error;
  }
}
