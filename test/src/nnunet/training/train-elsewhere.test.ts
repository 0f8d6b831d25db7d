import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { arrayScript } from "../../../../src/batch/slurm-script.js";
import { main } from "../../../../src/cli/main.js";
import { epoch, ToyTraining } from "../../../support/training/toy-training.js";

let toy: ToyTraining;
beforeEach(() => {
  toy = new ToyTraining();
});
afterEach(() => toy.remove());

test("submits the folds as an array of Slurm, after its own checks", async () => {
  toy.stub("squeue", "true");
  toy.stub("sbatch", `echo "$@" >> ${toy.folder}/calls; echo 4711`);
  const words = ["--slurm", "-f", "1", "4", "--gres", "gpu:1", "--time", "48:00:00"];
  expect(await toy.train(...words), toy.terminal.printed.err).toBe(0);
  const script = join(toy.foldFolder(0), "..", "slurm", "train.sh");
  expect(toy.calls()).toEqual([`--parsable ${script}`]);
  expect(toy.terminal.printed.out).toContain("2 folds: array 4711");
  const text = readFileSync(script, "utf8");
  expect(text).toContain("#SBATCH --array=1,4\n");
  expect(text).toContain("#SBATCH --gres=gpu:1\n#SBATCH --time=48:00:00\n");
  expect(text).toContain("folds=([1]=1 [4]=4)\n");
  // The variables of this shell, for a shell that does not have them.
  expect(text).toContain(`export nnUNet_preprocessed=${toy.folder}/pre\n`);
  expect(existsSync(join(toy.dataset, "splits_final.json"))).toBe(true);
  // A task of the array, as Slurm would start it.
  toy.trainerThat("true");
  const env = { ...toy.terminal.environment, SLURM_ARRAY_TASK_ID: "4" };
  expect(spawnSync("bash", ["-c", text], { env, encoding: "utf8" })).toMatchObject({ status: 0 });
  expect(toy.calls().at(-1)).toMatch(/^\|Dataset007_Toy 2d 4 /);
});

test("says before the queue that the tasks' environment is not here, and how to begin again", async () => {
  toy.stub("squeue", "true");
  toy.stub("sbatch", "echo 4711");
  expect(await toy.train("--slurm"), toy.terminal.printed.err).toBe(0);
  expect(toy.terminal.printed.err).toContain(
    `warning: ${toy.folder}/venv/bin/nnUNetv2_train does not exist on this machine`,
  );
  expect(await toy.train("--slurm", "--restart")).toBe(2);
  expect(toy.terminal.printed.err).toContain("`mv fold_0 fold_0.old`");
});

test("warns of tasks that would unpack the same data at once", async () => {
  toy.stub("squeue", "true");
  toy.stub("sbatch", "echo 4711");
  toy.trainerThat("true");
  const data = join(toy.dataset, "nnUNetPlans_2d");
  for (const name of readdirSync(data)) if (name.endsWith(".b2nd")) rmSync(join(data, name));
  for (const id of ["a", "b", "c", "d", "e"]) writeFileSync(join(data, `${id}.npz`), "");
  expect(await toy.train("--slurm", "-f", "0"), toy.terminal.printed.err).toBe(0);
  expect(toy.terminal.printed.err).not.toContain("unpacks");
  expect(await toy.train("--slurm", "-f", "0", "1"), toy.terminal.printed.err).toBe(0);
  expect(toy.terminal.printed.err).toContain(`warning: ${data} has .npz files, which nnU-Net unpacks`);
});

test.each([
  {
    program: "squeue",
    line: "echo 'Unable to contact slurm controller' >&2; exit 1",
    says: "SCHEDULER_FAILED: squeue: Unable to contact",
  },
  {
    program: "sbatch",
    line: "echo 'invalid partition' >&2; exit 1",
    says: "SCHEDULER_FAILED: sbatch: invalid partition",
  },
])("repeats the reason of $program, and leaves no claim", async ({ program, line, says }) => {
  toy.stub("squeue", "true");
  toy.stub(program, line);
  expect(await toy.train("--slurm", "-f", "0")).not.toBe(0);
  expect(toy.terminal.printed.err).toContain(says);
  expect(existsSync(toy.foldFolder(0))).toBe(false);
});

test("a path with blanks stays one word for Slurm, which splits its lines as a shell does", () => {
  const common = { jobName: "a", tasks: 1, mostAtOnce: null, sbatchOptions: [], command: "true" };
  const script = arrayScript({ ...common, signalSeconds: 1, logs: '/data/my "toy" model' });
  expect(script).toContain('#SBATCH --output="/data/my \\"toy\\" model/task-%a.log"\n');
});

test.each(["../../other", "x;true", "a b", ""])(
  "refuses the trainer %j, which cannot be a class",
  async (name) => {
    expect(await toy.train("--trainer", name)).toBe(2);
    expect(toy.terminal.printed.err).toContain("--trainer takes the name of a class");
  },
);

test("refuses an array of Slurm for data that are not preprocessed", async () => {
  toy.stub("sbatch", `echo "$@" >> ${toy.folder}/calls; echo 4711`);
  rmSync(join(toy.dataset, "nnUNetPlans_2d"), { recursive: true });
  expect(await toy.train("--slurm")).toBe(4);
  expect(existsSync(join(toy.folder, "calls"))).toBe(false);
});

test("submits only the folds that are not finished", async () => {
  toy.stub("squeue", "true");
  toy.stub("sbatch", "echo 4711");
  toy.trainerThat("true");
  const finish = (fold: number): void => {
    mkdirSync(join(toy.foldFolder(fold), "validation"), { recursive: true });
    for (const name of ["checkpoint_final.pth", "validation/summary.json"])
      writeFileSync(join(toy.foldFolder(fold), name), "");
  };
  for (const fold of [0, 2]) finish(fold);
  expect(await toy.train("--slurm"), toy.terminal.printed.err).toBe(0);
  const text = readFileSync(join(toy.foldFolder(0), "..", "slurm", "train.sh"), "utf8");
  expect(text).toContain("#SBATCH --array=1,3,4\n");
  expect(text).toContain("folds=([1]=1 [3]=3 [4]=4)\n");
  for (const fold of [1, 3, 4]) finish(fold);
  expect(await toy.train("--slurm"), toy.terminal.printed.err).toBe(0);
  expect(toy.terminal.printed.out).toContain("all folds are finished\n");
});

test("measures the steps of a training without its first epoch", async () => {
  mkdirSync(toy.foldFolder(0, "nnUNetTrainerBenchmark_5epochs"), {
    recursive: true,
  });
  toy.trainerThat(epoch(0, "0.9").replace("1.0 s", "90.0 s"), epoch(1, "0.8"), epoch(2, "0.7"));
  const words = ["-d", "7", "-c", "2d", "--venv", "venv", "-o", "perf.json"];
  expect(await main(["benchmark", "train", ...words], toy.terminal), toy.terminal.printed.err).toBe(0);
  // 250 steps in a second, with 12 images each.
  expect(JSON.parse(readFileSync(join(toy.folder, "perf.json"), "utf8"))).toEqual({
    throughput_train: 3000,
    latency_train_mean: 4,
    latency_train_90: 4,
    latency_train_95: 4,
    latency_train_99: 4,
  });
  expect(toy.terminal.printed.out).toContain("train: 2 epochs, patches of 32 × 48 voxels");
});

test("does not measure with a trainer whose model would be lost", async () => {
  mkdirSync(toy.foldFolder(0), { recursive: true });
  writeFileSync(join(toy.foldFolder(0), "checkpoint_best.pth"), "");
  toy.trainerThat("true");
  const words = ["-d", "7", "-c", "2d", "--venv", "venv", "--trainer", "nnUNetTrainer"];
  expect(await main(["benchmark", "train", ...words], toy.terminal)).toBe(2);
  expect(toy.terminal.printed.err).toContain("fold_0 has a trained model, which a measurement would replace");
  expect(existsSync(join(toy.folder, "calls"))).toBe(false);
});
