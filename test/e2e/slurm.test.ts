import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { main } from "../../src/cli/main.js";
import { withSmallBatch } from "../support/batch/small-batch.js";
import { repositoryRoot } from "../support/golden.js";
import { describeWith, needs, testWith } from "../support/needs.js";
import { outputOf } from "../support/program-on-path.js";
import { testTerminal } from "../support/programs/test-terminal.js";
import { type SlurmCluster, startSlurm } from "../support/slurm/slurm-cluster.js";
import { epochOfV1, ToyTask } from "../support/training/toy-task.js";
import { epoch, ToyTraining } from "../support/training/toy-training.js";

describeWith([needs.slurm], "with a real Slurm", () => {
  let slurm: SlurmCluster;
  let toy: ToyTraining;
  beforeAll(async () => {
    slurm = await startSlurm();
  });
  afterAll(() => slurm.stop());
  beforeEach(() => {
    vi.stubEnv("SLURM_CONF", slurm.configFile);
    toy = new ToyTraining();
  });
  afterEach(async () => {
    await outputOf("scancel", "--name=nnunet-train");
    await slurm.settle();
    toy.remove();
  });

  /** Lines with which nnU-Net's stand-in leaves a fold as finished. */
  const finish =
    'folder=$nnUNet_results/$1/nnUNetTrainer__nnUNetPlans__2d/fold_$3; mkdir -p "$folder/validation"; touch "$folder/checkpoint_final.pth" "$folder/validation/summary.json"';
  const log = (fold: number | "all"): string =>
    readFileSync(join(toy.foldFolder(0), "..", "slurm", `task-${fold === "all" ? 100 : fold}.log`), "utf8");
  const arrayId = (): string => /array (\d+)/.exec(toy.terminal.printed.out)![1]!;

  test("a fold that fails does not keep the others from being trained, and is submitted again by itself", async () => {
    const nan = `${epoch(0, "nan")}\necho "2026-11-28 01:02:54.561371: Epoch 1"\nsleep 600`;
    toy.trainerThat(`if [ "$3" = 1 ] && [ ! -e ${toy.folder}/mended ]; then\n${nan}\nfi`, finish);
    expect(await toy.train("--slurm", "-f", "1", "3", "all"), toy.terminal.printed.err).toBe(0);
    await slurm.settle();
    expect(log(1)).toContain("error TRAINING_DIVERGED");
    expect(log(3)).toContain("fold 3: training from the beginning");
    expect(log("all")).toContain("fold all: training from the beginning");
    writeFileSync(join(toy.folder, "mended"), "");
    expect(await toy.train("--slurm", "-f", "1", "3", "all"), toy.terminal.printed.err).toBe(0);
    expect(toy.terminal.printed.out).toContain("1 fold: array ");
    await slurm.settle();
    expect(toy.calls().map((call) => call.split(" ")[2])).toHaveLength(4);
    expect(await toy.train("--slurm", "-f", "1", "3", "all"), toy.terminal.printed.err).toBe(0);
    expect(toy.terminal.printed.out).toContain("all folds are finished");
  });

  test("a task that is cancelled cleans up, and the next array continues its fold", async () => {
    const fold = toy.foldFolder(2);
    // It leaves a whole checkpoint, and trains until it is stopped.
    toy.trainerThat(
      `case "$*" in *--c*) ${finish}; exit 0;; esac`,
      `mkdir -p ${fold}; printf 'PK\\005\\006\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0' > ${fold}/checkpoint_latest.pth`,
      `${epoch(0, "0.9")}; echo "2026-11-28 01:02:54.561371: Epoch 1"; sleep 600`,
    );
    expect(await toy.train("--slurm", "-f", "2"), toy.terminal.printed.err).toBe(0);
    await vi.waitFor(() => expect(log(2)).toContain("epoch 0"), { timeout: 60_000 });
    expect(existsSync(join(fold, "training.lock"))).toBe(true);
    await outputOf("scancel", arrayId());
    await slurm.settle();
    expect(log(2)).toContain("error INTERRUPTED: stopped by SIGTERM");
    expect(existsSync(join(fold, "training.lock"))).toBe(false);
    expect(await toy.train("--slurm", "-f", "2"), toy.terminal.printed.err).toBe(0);
    await slurm.settle();
    expect(log(2)).toContain("fold 2: continuing from its last checkpoint");
    expect(toy.calls().at(-1)).toMatch(/ --c$/);
  });

  test("folds that wait in the queue are not submitted again, but others are", async () => {
    toy.trainerThat("true");
    expect(await toy.train("--slurm", "-f", "0", "4", "--sbatch=--hold"), toy.terminal.printed.err).toBe(0);
    const id = arrayId();
    expect(await toy.train("--slurm", "-f", "3", "4")).toBe(5);
    const { err } = toy.terminal.printed;
    expect(err).toContain("error FOLD_IN_USE");
    expect(err).toContain(`\`scancel ${id}_4\` takes them back if they are yours`);
    expect(err).toMatch(/fold 4: \d+_4 of \S+, PENDING/);
    expect(await toy.train("--slurm", "-f", "1", "3", "--sbatch=--hold"), toy.terminal.printed.err).toBe(0);
    expect(existsSync(join(toy.folder, "calls"))).toBe(false);
  });

  test("a fold that two people submit at the same time is queued once", async () => {
    toy.trainerThat("true");
    const submit = () => toy.train("--slurm", "-f", "2", "--sbatch=--hold");
    expect((await Promise.all([submit(), submit(), submit()])).sort()).toEqual([0, 5, 5]);
    expect(toy.terminal.printed.err.match(/Slurm has tasks for the same folds already/g)).toHaveLength(2);
    expect(toy.terminal.printed.out.match(/array \d+/g)).toHaveLength(1);
  });

  /** Lines with which v1's stand-in unpacks the cases and leaves a fold as finished. */
  const finishOfV1 = [
    "data=$nnUNet_preprocessed/$3/nnUNetData_plans_v2.1_2D_stage0",
    'for npz in "$data"/*.npz; do touch "$(echo "$npz" | sed s/npz$/npy/)"; done',
    "fold=$4; [ $4 = all ] || fold=fold_$4",
    "folder=$RESULTS_FOLDER/nnUNet/2d/$3/$2__nnUNetPlansv2.1/$fold",
    'mkdir -p "$folder/validation_raw"; touch "$folder/model_final_checkpoint.model"',
    `echo '{"results": {"mean": {"1": {"Dice": 0.75}}}}' > "$folder/validation_raw/summary.json"`,
  ];
  const logOfV1 = (task: ToyTask, number: number): string =>
    readFileSync(join(task.foldFolder(0), "..", "slurm", `task-${number}.log`), "utf8");
  function toyTask(): ToyTask {
    const task = new ToyTask();
    onTestFinished(() => task.remove());
    return task;
  }

  test("folds of v1 are trained at once when a first one has unpacked the cases, and not before", async () => {
    const v1 = toyTask();
    const { printed } = v1.terminal;
    v1.program("nnUNet_train", ...finishOfV1);
    expect(await v1.train("2d", "--slurm", "-f", "0", "1")).toBe(5);
    expect(printed.err.replaceAll(/\s+/g, " ")).toContain("submit one fold, such as `--folds 0`");
    expect(await v1.train("2d", "--slurm", "-f", "1", "--sbatch=--hold"), printed.err).toBe(0);
    expect(await v1.train("2d", "--slurm", "-f", "0")).toBe(5);
    expect(printed.err.replaceAll(/\s+/g, " ")).toContain("Slurm has a fold of this model already");
    await outputOf("scancel", /array (\d+)/.exec(printed.out)![1]!);
    await slurm.settle();
    expect(await v1.train("2d", "--slurm", "-f", "0"), printed.err).toBe(0);
    await slurm.settle();
    expect(logOfV1(v1, 0)).toContain("fold 0: training from the beginning");
    expect(logOfV1(v1, 0)).toContain("fold 0: mean validation Dice 0.7500");
    expect(existsSync(join(v1.task, "splits_final.pkl"))).toBe(true);
    expect(await v1.train("2d", "--slurm", "-f", "0", "1", "all"), printed.err).toBe(0);
    expect(printed.out).toContain("2 folds: array ");
    await slurm.settle();
    expect(logOfV1(v1, 1)).toContain("fold 1: mean validation Dice 0.7500");
    expect(logOfV1(v1, 100)).toContain("fold all: mean validation Dice 0.7500");
    const trained = v1
      .calls()
      .map((call) => call.replace("nnUNet_train 2d nnUNetTrainerV2 Task007_Toy ", ""));
    const settings = "-p nnUNetPlansv2.1 --npz";
    expect(trained.toSorted()).toEqual([`0 ${settings}`, `1 ${settings}`, `all ${settings}`]);
    expect(await v1.train("2d", "--slurm", "-f", "0", "1", "all"), printed.err).toBe(0);
    expect(printed.out).toContain("all folds are finished");
  });

  test("a task of v1 that is cancelled cleans up, and the next array continues its fold", async () => {
    const v1 = toyTask();
    const { printed } = v1.terminal;
    const fold = v1.foldFolder(2);
    v1.program(
      "nnUNet_train",
      `case "$*" in *-c) ${finishOfV1.join("; ")}; exit 0;; esac`,
      `mkdir -p ${fold}; printf 'PK\\005\\006\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0' > ${fold}/model_latest.model`,
      ...epochOfV1.map((line) => `echo "${line}"`),
      "sleep 600",
    );
    expect(await v1.train("2d", "--slurm", "-f", "2"), printed.err).toBe(0);
    await vi.waitFor(() => expect(logOfV1(v1, 2)).toContain("epoch 1"), { timeout: 60_000 });
    expect(existsSync(join(fold, "training.lock"))).toBe(true);
    await outputOf("scancel", /array (\d+)/.exec(printed.out)![1]!);
    await slurm.settle();
    expect(logOfV1(v1, 2)).toContain("error INTERRUPTED: stopped by SIGTERM");
    expect(existsSync(join(fold, "training.lock"))).toBe(false);
    expect(await v1.train("2d", "--slurm", "-f", "2"), printed.err).toBe(0);
    await slurm.settle();
    expect(logOfV1(v1, 2)).toContain("fold 2: continuing from its last checkpoint");
    expect(v1.calls().at(-1)).toMatch(/ -c$/);
  });

  test("the cases of a batch are computed by the tasks of an array, and summed up after it", async () => {
    await withSmallBatch(5, async ({ folder, modelDir, outputDir }) => {
      const words = ["-m", modelDir, "--manifest", "cases.jsonl", "-o", "out", "--device", "cpu"];
      const terminal = testTerminal(folder);
      expect(
        await main(["batch", "slurm", ...words, "--per-task", "3"], terminal),
        terminal.printed.err,
      ).toBe(0);
      await slurm.settle();
      const summary = JSON.parse(readFileSync(join(outputDir, "summary.json"), "utf8"));
      expect(summary).toMatchObject({ total: 5, done: 5 });
    });
  });

  testWith([needs.nnunet], "nnU-Net itself trains a fold to the end of its validation", async () => {
    const venv = process.env["NNUNET_VENV"]!;
    const makeData = join(repositoryRoot, "test", "peer", "training_dataset.py");
    await outputOf(join(venv, "bin", "python"), makeData, join(toy.folder, "raw", "Dataset778_Balls"));
    writeFileSync(join(toy.folder, "nnUNetTrainerOneStep.py"), trainerOfOneStep);
    const environment = {
      ...toy.terminal.environment,
      nnUNet_extTrainer: toy.folder,
      nnUNet_n_proc_DA: "0",
      nnUNet_def_n_proc: "1",
      PYTHONDONTWRITEBYTECODE: "1",
    };
    const run = async (...words: readonly string[]): Promise<void> => {
      const terminal = { ...testTerminal(toy.folder), environment };
      expect(await main(words, terminal), terminal.printed.err).toBe(0);
    };
    await run("fingerprint", "778");
    await run("plan", "778");
    await run("preprocess", "778", "-c", "2d");
    const training = ["--trainer", "nnUNetTrainerOneStep", "--venv", venv, "--device", "cpu"];
    await run("train", "778", "2d", "--slurm", ...training, "-f", "0");
    await slurm.settle();
    const model = join(toy.folder, "res", "Dataset778_Balls", "nnUNetTrainerOneStep__nnUNetPlans__2d");
    expect(readFileSync(join(model, "slurm", "task-0.log"), "utf8")).toMatch(
      /fold 0: mean validation Dice [01]\.\d{4}\nmodel/,
    );
  });
});

/** One epoch of one step. More threads than cores would take longer. */
const trainerOfOneStep = `
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class nnUNetTrainerOneStep(nnUNetTrainer):
    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = self.num_iterations_per_epoch = self.num_val_iterations_per_epoch = 1
        torch.set_num_threads(1)
`;
