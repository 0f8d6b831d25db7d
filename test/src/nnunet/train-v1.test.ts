import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { dict, list, pickleFile, text } from "../../../processor/nnunet-files/pickle-bytes.js";
import { pythonGlobals } from "../../../src/checkpoint/pickle/python-globals.js";
import { readPickle } from "../../../src/checkpoint/pickle/read-pickle.js";
import { main } from "../../../src/cli/main.js";
import { TrainingLogOfV1 } from "../../../src/nnunet/training/v1/training-log-v1.js";
import type { TestTerminal } from "../../support/programs/test-terminal.js";
import { epochOfV1, plansOfV1, ToyTask } from "../../support/training/toy-task.js";

let toy: ToyTask;
let folder: string;
let terminal: TestTerminal;
beforeEach(() => {
  toy = new ToyTask();
  ({ folder, terminal } = toy);
});
afterEach(() => toy.remove());

const program = (name: string, ...lines: readonly string[]): void => toy.program(name, ...lines);
const calls = (): readonly string[] => toy.calls();
const train = (...argv: readonly string[]): Promise<number> => toy.train(...argv);
const foldFolder = (fold: number, trainer?: string): string => toy.foldFolder(fold, trainer);
const emptyZip = Buffer.concat([Buffer.from("PK\u0005\u0006", "latin1"), Buffer.alloc(18)]);

test("v1's log gives each epoch when it is complete, and says when a checkpoint is being written", () => {
  const log = new TrainingLogOfV1();
  const read = epochOfV1.map((line) => ({ event: log.read(line), isSaving: log.isSaving }));
  expect(read.filter(({ isSaving }) => isSaving)).toHaveLength(1);
  expect(read.flatMap(({ event }) => event ?? [])).toEqual([
    { kind: "epoch-started", epoch: 1 },
    {
      kind: "epoch",
      result: {
        epoch: 1,
        learningRate: 0.00372,
        trainLoss: 1.0055,
        validationLoss: 0.902,
        pseudoDice: [0.1467, 0.006],
        seconds: 51.927237,
      },
    },
  ]);
  expect(log.read("ct_03 (2, 28, 49, 37)")).toEqual({ kind: "trained" });
  expect(log.read("ct_04 (2, 28, 49, 37)")).toEqual({ kind: "predicting", caseName: "ct_04" });
  expect(log.read("case 4 (2, 28, 49, 37)")).toEqual({ kind: "predicting", caseName: "case 4" });
});

test("train --nnunet v1 continues an interrupted fold, validates a trained one, and leaves a finished one", async () => {
  program(
    "nnUNet_train",
    ...epochOfV1.map((line) => `echo "${line}"`),
    "test -n $TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD",
  );
  for (const fold of [0, 1, 2]) mkdirSync(join(foldFolder(fold), "validation_raw"), { recursive: true });
  const summary = { results: { mean: { "0": { Dice: 1 }, "1": { Dice: 0.5 }, "2": { Dice: 0.25 } } } };
  writeFileSync(join(foldFolder(0), "model_final_checkpoint.model"), emptyZip);
  writeFileSync(join(foldFolder(0), "validation_raw", "summary.json"), JSON.stringify(summary));
  writeFileSync(join(foldFolder(1), "model_final_checkpoint.model"), emptyZip);
  writeFileSync(join(foldFolder(2), "model_latest.model"), emptyZip);
  expect(await train("2d", "-f", "0", "1", "2", "3"), terminal.printed.err).toBe(0);
  const common = "Task007_Toy";
  expect(calls()).toEqual([
    `nnUNet_train 2d nnUNetTrainerV2 ${common} 1 -p nnUNetPlansv2.1 --npz -val`,
    `nnUNet_train 2d nnUNetTrainerV2 ${common} 2 -p nnUNetPlansv2.1 --npz -c`,
    `nnUNet_train 2d nnUNetTrainerV2 ${common} 3 -p nnUNetPlansv2.1 --npz`,
  ]);
  expect(terminal.printed.err).toContain("fold 0: finished before");
  expect(terminal.printed.err).toContain("fold 2, epoch 1: train loss 1.0055");
});

test("after DP, the model has the name of the trainer that predicts on one GPU", async () => {
  program("nnUNet_train_DP");
  const trained = foldFolder(0, "nnUNetTrainerV2_DP");
  mkdirSync(trained, { recursive: true });
  const record = join(trained, "model_final_checkpoint.model.pkl");
  writeFileSync(
    record,
    pickleFile(
      dict([
        ["name", text("nnUNetTrainerV2_DP")],
        ["init", list([])],
      ]),
    ),
  );
  expect(await train("2d", "-f", "0", "--gpus-per-fold", "2"), terminal.printed.err).toBe(0);
  expect(calls()).toEqual([
    "nnUNet_train_DP 2d nnUNetTrainerV2_DP Task007_Toy 0 -p nnUNetPlansv2.1 --npz -gpus 2 --dbs",
  ]);
  const { value } = readPickle(readFileSync(record), { source: record, globals: pythonGlobals });
  expect(value).toEqual(
    new Map<string, unknown>([
      ["name", "nnUNetTrainerV2"],
      ["init", []],
    ]),
  );
});

test("DDP starts one process for each GPU, and gives each its number as v1 reads it", async () => {
  const asLauncher = [
    '[ "$2" = torch.distributed.run ] || exit 1',
    'while [ "$1" != sh ]; do shift; done',
    'LOCAL_RANK=1 exec "$@"',
  ];
  program("python", ...asLauncher);
  await train("2d", "-f", "0", "--gpus-per-fold", "2", "--parallel", "ddp");
  const [launched, process] = calls();
  expect(launched).toMatch(/^python -m torch\.distributed\.run --nproc_per_node=2 --no-python sh -c /);
  expect(process).toBe(
    "python -m nnunet.run.run_training_DDP 2d nnUNetTrainerV2_DDP Task007_Toy 0 -p nnUNetPlansv2.1 --npz --dbs --local_rank 1",
  );
});

test("refuses tasks of Slurm that share a fold among GPUs, because v1's models then need a last step", async () => {
  expect(await train("2d", "--slurm", "--gpus-per-fold", "2")).toBe(2);
  expect(terminal.printed.err.replaceAll(/\s+/g, " ")).toContain("trains each fold of v1 on one GPU");
});

test("refuses to share the second stage of a cascade among GPUs, for which v1 has no trainer", async () => {
  expect(await train("3d_cascade_fullres", "--gpus-per-fold", "2")).toBe(2);
  expect(terminal.printed.err).toContain("v1 has no trainer that shares the second stage");
});

test.each([
  ["a cascade without a first stage", "3d_lowres", "USAGE", "has one stage"],
  ["data that are not preprocessed", "3d_fullres", "NOT_PREPROCESSED", "has 0 cases"],
  ["a misspelled configuration", "3d_fulres", "USAGE", "v1 has no configuration 3d_fulres"],
])("refuses %s before anything is trained", async (_, configuration, code, message) => {
  program("nnUNet_train");
  expect(await train(configuration)).not.toBe(0);
  expect(terminal.printed.err).toContain(code);
  expect(terminal.printed.err.replaceAll(/\s+/g, " ")).toContain(message);
  expect(existsSync(join(folder, "calls"))).toBe(false);
});

test.each([
  [
    "a case without its data",
    "nnUNetData_plans_v2.1_2D_stage0/b.npz",
    "nnUNetData_plans_v2.1_2D_stage0 lacks b.npz",
  ],
  ["a case without a reference", "gt_segmentations/c.nii.gz", "gt_segmentations lacks c.nii.gz"],
])("refuses %s, which v1 would miss after it has started", async (_, path, message) => {
  program("nnUNet_train");
  rmSync(join(folder, "pre", "Task007_Toy", path));
  expect(await train("2d")).toBe(4);
  expect(terminal.printed.err).toContain(message);
  expect(existsSync(join(folder, "calls"))).toBe(false);
});

test("refuses a first stage without the data of the second one, for which v1 predicts in the end", async () => {
  program("nnUNet_train");
  const task = join(folder, "pre", "Task007_Toy");
  writeFileSync(join(task, "nnUNetPlansv2.1_plans_3D.pkl"), plansOfV1("nnUNetData_plans_v2.1", 2));
  for (const id of ["a", "b", "c", "d", "e"])
    for (const ending of ["pkl", "npz"])
      writeFileSync(join(task, "nnUNetData_plans_v2.1_stage0", `${id}.${ending}`), "");
  expect(await train("3d_lowres")).toBe(4);
  expect(terminal.printed.err).toContain("nnUNetData_plans_v2.1_stage1 lacks a.npz, b.npz, c.npz and 2 more");
});

test("refuses numbered folds of fewer than five cases, for which v1 makes no split", async () => {
  program("nnUNet_train");
  const task = join(folder, "pre", "Task007_Toy");
  for (const path of [
    "gt_segmentations/e.nii.gz",
    "nnUNetData_plans_v2.1_2D_stage0/e.npz",
    "nnUNetData_plans_v2.1_2D_stage0/e.pkl",
  ])
    rmSync(join(task, path));
  expect(await train("2d", "-f", "0")).toBe(2);
  expect(terminal.printed.err).toContain("has 4 cases, too few for five folds");
  expect(await train("2d", "-f", "all"), terminal.printed.err).toBe(0);
});

test("export-model packs the files of v1's own archive, and import-model unpacks them", async () => {
  const model = join(foldFolder(0), "..");
  for (const fold of [0, 1, 2, 3, 4]) {
    mkdirSync(foldFolder(fold), { recursive: true });
    for (const name of [
      "debug.json",
      "model_final_checkpoint.model",
      "model_final_checkpoint.model.pkl",
      "progress.png",
      "model_best.model",
    ])
      writeFileSync(join(foldFolder(fold), name), name);
  }
  for (const name of ["plans.pkl", "postprocessing.json"]) writeFileSync(join(model, name), name);
  const argv = ["export-model", "7", "--nnunet", "v1", "-m", "2d", "-o", "toy.zip"];
  expect(await main(argv, terminal), terminal.printed.err).toBe(0);
  expect(terminal.printed.out).toContain("22 files");
  const other = join(folder, "other");
  const elsewhere = { ...terminal, environment: { ...terminal.environment, RESULTS_FOLDER: other } };
  expect(await main(["import-model", "toy.zip", "--nnunet", "v1"], elsewhere), terminal.printed.err).toBe(0);
  const unpacked = join(other, "nnUNet", "2d", "Task007_Toy", "nnUNetTrainerV2__nnUNetPlansv2.1");
  expect(readFileSync(join(unpacked, "fold_4", "progress.png"), "utf8")).toBe("progress.png");
  expect(existsSync(join(unpacked, "fold_4", "model_best.model"))).toBe(false);
  rmSync(join(model, "postprocessing.json"));
  expect(await main([...argv, "--overwrite"], terminal)).toBe(3);
  expect(await main([...argv, "--overwrite", "--disable_strict"], terminal), terminal.printed.err).toBe(0);
});
