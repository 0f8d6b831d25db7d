import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { main } from "../../../src/cli/main.js";
import { trainFold } from "../../../src/nnunet/training/train-fold.js";
import { repositoryRoot } from "../../support/golden.js";
import { type TestTerminal, testTerminal } from "../../support/programs/test-terminal.js";

/** The end of a zip file, as torch writes it. */
const emptyZip = Buffer.concat([Buffer.from("PK\u0005\u0006", "latin1"), Buffer.alloc(18)]);

let folder: string;
let terminal: TestTerminal;
const at = "2026-11-28 01:02:54.561371: ";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "train-"));
  const environment = {
    PATH: process.env["PATH"],
    nnUNet_raw: join(folder, "raw"),
    nnUNet_preprocessed: join(folder, "pre"),
    nnUNet_results: join(folder, "res"),
  };
  terminal = { ...testTerminal(folder), environment };
  const dataset = join(folder, "pre", "Dataset007_Toy");
  mkdirSync(join(dataset, "nnUNetPlans_2d"), { recursive: true });
  mkdirSync(join(dataset, "gt_segmentations"));
  mkdirSync(join(folder, "raw", "Dataset007_Toy"), { recursive: true });
  for (const id of caseIds) writeCase(id, "nnUNetPlans_2d");
  writeFileSync(join(dataset, "dataset.json"), '{"file_ending": ".nii.gz"}');
  writeFileSync(join(dataset, "dataset_fingerprint.json"), "{}");
  writePlans(6);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const caseIds = ["a", "b", "c", "d", "e"];

/** Writes the files of a preprocessed case, and its reference. */
function writeCase(id: string, identifier: string): void {
  const dataset = join(folder, "pre", "Dataset007_Toy");
  mkdirSync(join(dataset, identifier), { recursive: true });
  for (const ending of [".b2nd", "_seg.b2nd", ".pkl"])
    writeFileSync(join(dataset, identifier, `${id}${ending}`), "");
  writeFileSync(join(dataset, "gt_segmentations", `${id}.nii.gz`), "");
}

function writePlans(stages: number): void {
  const architecture = { arch_kwargs: { n_stages: stages } };
  const sizes = { batch_size: 12, patch_size: [32, 48] };
  const plans = { configurations: { "2d": { data_identifier: "nnUNetPlans_2d", architecture, ...sizes } } };
  writeFileSync(join(folder, "pre", "Dataset007_Toy", "nnUNetPlans.json"), JSON.stringify(plans));
}

/** Makes a program of the machine another one. */
function stub(name: string, line: string): void {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, name), `#!/bin/sh\n${line}\n`);
  chmodSync(join(bin, name), 0o755);
  const path = `${bin}:${process.env["PATH"]}`;
  terminal = { ...terminal, environment: { ...terminal.environment, PATH: path } };
  vi.stubEnv("PATH", path);
}

/** Puts a program in nnU-Net's place, which notes its arguments and then runs some lines of shell. */
function trainerThat(...lines: readonly string[]): void {
  const bin = join(folder, "venv", "bin");
  mkdirSync(bin, { recursive: true });
  const script = ["#!/bin/sh", `echo "$CUDA_VISIBLE_DEVICES|$@" >> ${folder}/calls`, ...lines];
  writeFileSync(join(bin, "nnUNetv2_train"), `${script.join("\n")}\n`);
  chmodSync(join(bin, "nnUNetv2_train"), 0o755);
}

const epoch = (number: number, loss: string): string =>
  ["Epoch N", `train_loss ${loss}`, "val_loss 0.5", "Pseudo dice [0.5]", "Epoch time: 1.0 s"]
    .map((line) => `echo "${at}${line.replace("N", String(number))}"`)
    .join("\n");

const calls = (): readonly string[] => readFileSync(join(folder, "calls"), "utf8").trim().split("\n");
const train = (...argv: readonly string[]): Promise<number> =>
  main(["train", "7", "2d", "--venv", "venv", ...argv], terminal);
const foldFolder = (fold: number): string =>
  join(folder, "res", "Dataset007_Toy", "nnUNetTrainer__nnUNetPlans__2d", `fold_${fold}`);

test("continues an interrupted fold, validates a trained one, and leaves a finished one", async () => {
  trainerThat(epoch(0, "0.9"), `echo "${at}Mean Validation Dice:  0.75"`);
  for (const fold of [0, 1, 2]) mkdirSync(join(foldFolder(fold), "validation"), { recursive: true });
  writeFileSync(join(foldFolder(0), "checkpoint_final.pth"), emptyZip);
  writeFileSync(join(foldFolder(0), "validation", "summary.json"), "");
  writeFileSync(join(foldFolder(1), "checkpoint_final.pth"), emptyZip);
  writeFileSync(join(foldFolder(2), "checkpoint_best.pth"), emptyZip);
  expect(await train("-f", "0", "1", "2", "3"), terminal.printed.err).toBe(0);
  const common = "-tr nnUNetTrainer -p nnUNetPlans -device cuda --npz";
  expect(calls()).toEqual([
    `|Dataset007_Toy 2d 1 ${common} --val`,
    `|Dataset007_Toy 2d 2 ${common} --c`,
    `|Dataset007_Toy 2d 3 ${common}`,
  ]);
  expect(terminal.printed.err).toContain("fold 0: finished before");
  expect(terminal.printed.err).toContain(
    "fold 2, epoch 0: train loss 0.9, validation loss 0.5, Dice 0.500, 1 s",
  );
  expect(terminal.printed.err).toContain("mean validation Dice 0.7500");
});

test("waits with a stop until nnU-Net has written its checkpoint", async () => {
  const checkpoint = join(folder, "checkpoint");
  trainerThat(epoch(0, "0.9"), `sleep 0.5; touch ${checkpoint}`, `echo "${at}Epoch 1"`, "sleep 600");
  const stop = new AbortController();
  const ended = trainFold({
    command: {
      program: join(folder, "venv", "bin", "nnUNetv2_train"),
      argv: [],
      environment: process.env,
      kill: null,
    },
    foldFolder: folder,
    onEvent: ({ kind }) => {
      if (kind === "epoch") stop.abort(new Error("stopped"));
    },
    signal: stop.signal,
  });
  await expect(ended).rejects.toThrow("stopped");
  expect(existsSync(checkpoint)).toBe(true);
});

test("puts a checkpoint aside that was only partly written, and continues from the other one", async () => {
  trainerThat("true");
  mkdirSync(foldFolder(0), { recursive: true });
  writeFileSync(join(foldFolder(0), "checkpoint_latest.pth"), emptyZip);
  writeFileSync(join(foldFolder(0), "checkpoint_best.pth"), "PK\u0003\u0004 and then nothing");
  expect(await train("-f", "0"), terminal.printed.err).toBe(0);
  expect(calls()[0]).toMatch(/ --c$/);
  expect(existsSync(join(foldFolder(0), "checkpoint_best.pth.damaged"))).toBe(true);
  expect(terminal.printed.err).toContain("was stopped while it wrote a checkpoint");
});

test("begins again with --restart, so that a stop soon after it does not leave the older model as finished", async () => {
  const older = `${foldFolder(0)}/validation/summary.json`;
  mkdirSync(join(foldFolder(0), "validation"), { recursive: true });
  writeFileSync(join(foldFolder(0), "checkpoint_final.pth"), emptyZip);
  writeFileSync(older, "");
  // nnU-Net fails before its first epoch: nothing is lost.
  trainerThat("exit 1");
  expect(await train("-f", "0", "--restart")).toBe(5);
  expect(existsSync(join(foldFolder(0), "checkpoint_final.pth"))).toBe(true);
  trainerThat(epoch(0, "0.9"), `while [ -e ${older} ]; do sleep 0.05; done`, "exit 1");
  expect(await train("-f", "0", "--restart")).toBe(5);
  expect(existsSync(join(foldFolder(0), "checkpoint_final.pth"))).toBe(false);
});

test("spreads the folds over the GPUs, one fold on each", async () => {
  trainerThat("true");
  expect(await train("-f", "0", "1", "2", "--gpus", "2,5"), terminal.printed.err).toBe(0);
  const gpus = calls().map((call) => call.split("|")[0]);
  expect(gpus.toSorted()).toHaveLength(3);
  expect(new Set(gpus)).toEqual(new Set(["2", "5"]));
});

test("stops a training whose loss is NaN, and ends its processes", async () => {
  trainerThat(epoch(3, "nan"), `echo "${at}Epoch 4"`, "sleep 600");
  expect(await train("-f", "0")).toBe(4);
  expect(terminal.printed.err).toMatch(/TRAINING_DIVERGED.*the loss of epoch 3 is NaN/s);
});

test("trains the other folds if one fails, and repeats Python's exception", async () => {
  trainerThat('[ "$3" = 1 ] && { echo "RuntimeError: CUDA out of memory" >&2; exit 1; }', "exit 0");
  expect(await train("-f", "0", "1", "2")).toBe(5);
  expect(calls()).toHaveLength(3);
  expect(terminal.printed.err).toMatch(
    /TRAINING_FAILED.*fold_1.*exit code 1: RuntimeError: CUDA out of memory\n/s,
  );
});

test.each([
  { what: "another configuration", argv: ["train", "7", "3d_fullres"], code: "USAGE", says: "it has 2d" },
  {
    what: "a missing program",
    argv: ["train", "7", "2d", "--venv", "none"],
    code: "TRAINER_NOT_FOUND",
    says: "nnUNetv2_train does not exist",
  },
])("refuses $what before anything is trained", async ({ argv, code, says }) => {
  trainerThat("true");
  expect(await main(argv, terminal)).toBeGreaterThan(1);
  expect(terminal.printed.err).toContain(code);
  expect(terminal.printed.err).toContain(says);
  expect(existsSync(join(folder, "calls"))).toBe(false);
});

test.each([
  [["--gpus-per-fold", "2", "--device", "cpu"], "--device cpu uses no GPUs of NVIDIA"],
  [["--gpus", "0", "--device", "cpu"], "--device cpu uses no GPUs of NVIDIA"],
  [["--gpus-per-fold", "16"], "2d has a batch of 12, which 16 GPUs cannot share"],
  [["--gpus-per-fold", "0"], "--gpus-per-fold is a whole number from 1 on, not 0"],
])("refuses %j before anything is trained", async (argv, message) => {
  trainerThat("true");
  expect(await train("-f", "0", ...argv)).toBe(2);
  expect(terminal.printed.err).toContain(message);
  expect(existsSync(join(folder, "calls"))).toBe(false);
});

test("repeats Docker's reason if the image cannot run, and does not try the other folds", async () => {
  const reason = "docker: Error response from daemon: pull access denied for none";
  stub("docker", `echo "$@" >> ${folder}/calls; echo "${reason}" >&2; exit 125`);
  expect(await main(["train", "7", "2d", "--image", "none:1"], terminal)).toBe(5);
  expect(terminal.printed.err).toContain(`error TRAINER_NOT_FOUND: ${reason}\n`);
  expect(calls()).toHaveLength(1);
});

test("refuses a data set that is only partly preprocessed", async () => {
  trainerThat("true");
  writeFileSync(join(folder, "pre", "Dataset007_Toy", "gt_segmentations", "f.nii.gz"), "");
  expect(await train("-f", "0")).toBe(4);
  expect(terminal.printed.err).toMatch(/NOT_PREPROCESSED.*has 5 cases, but gt_segmentations has 6/s);
});

test("warns of a network of two stages, which nnU-Net trains to NaN", async () => {
  trainerThat("true");
  writePlans(2);
  expect(await train("-f", "0")).toBe(0);
  expect(terminal.printed.err).toContain("the network has 2 stages");
});

test("ends nnU-Net at once with a second Ctrl-C, although it ignores the first one", async () => {
  trainerThat("trap '' TERM INT", `echo $$ > ${folder}/pid`, epoch(0, "0.9"), "while :; do sleep 0.1; done");
  const program = join(repositoryRoot, "dist", "build_processor.js");
  const words = ["train", "7", "2d", "--venv", "venv", "-f", "0"];
  const child = spawn(process.execPath, [program, ...words], { cwd: folder, env: terminal.environment });
  const ended = once(child, "close");
  for await (const line of createInterface({ input: child.stderr })) {
    if (line.includes("epoch 0")) child.kill("SIGINT");
    if (line.includes("stopping")) child.kill("SIGINT");
  }
  await ended;
  const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
  // The system ends it soon after the signal; nobody may have collected it yet.
  const state = () => spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).stdout;
  await vi.waitFor(() => expect(state()).toMatch(/^(?:Z.*)?$/s), { timeout: 20_000 });
});

test("trains in an image, with the folders of nnU-Net and the GPU of the fold", async () => {
  stub("docker", `echo "$@" >> ${folder}/calls`);
  const environment = { ...terminal.environment, nnUNet_extTrainer: "/my trainers:/ours" };
  const words = ["train", "7", "2d", "--image", "nnunet:1", "-f", "3", "--gpus", "1"];
  expect(await main(words, { ...terminal, environment })).toBe(0);
  const [call] = calls();
  expect(call).toMatch(
    /^run --rm --init --name nnunet-train-\d+-3 --network none --shm-size 8g --user \d+:\d+ /,
  );
  expect(call).toContain(`--gpus device=1 --volume ${folder}/pre:/nnunet/preprocessed`);
  expect(call).toContain(`--volume ${folder}/res:/nnunet/results --env nnUNet_raw=/nnunet/raw`);
  expect(call).toContain("--volume /my trainers:/nnunet/trainers/0:ro --volume /ours:/nnunet/trainers/1:ro");
  expect(call).toContain("--env nnUNet_extTrainer=/nnunet/trainers/0:/nnunet/trainers/1");
  expect(call).toMatch(/--entrypoint nnUNetv2_train nnunet:1 Dataset007_Toy 2d 3 -tr nnUNetTrainer .*--npz$/);
});

test("submits the folds as an array of Slurm, after its own checks", async () => {
  stub("sbatch", `echo "$@" >> ${folder}/calls; echo 4711`);
  const words = ["--slurm", "-f", "1", "4", "--gres", "gpu:1", "--time", "48:00:00"];
  expect(await train(...words), terminal.printed.err).toBe(0);
  const script = join(foldFolder(0), "..", "slurm", "train.sh");
  expect(calls()).toEqual([`--parsable ${script}`]);
  expect(terminal.printed.out).toContain("2 folds: array 4711");
  const text = readFileSync(script, "utf8");
  expect(text).toContain("#SBATCH --array=0,1\n");
  expect(text).toContain("#SBATCH --gres=gpu:1\n#SBATCH --time=48:00:00\n");
  expect(text).toContain("folds=(1 4)\n");
  // A task of the array, as Slurm would start it.
  trainerThat("true");
  const env = { ...terminal.environment, SLURM_ARRAY_TASK_ID: "1" };
  expect(spawnSync("bash", ["-c", text], { env, encoding: "utf8" })).toMatchObject({ status: 0 });
  expect(calls().at(-1)).toMatch(/^\|Dataset007_Toy 2d 4 /);
});

test("refuses an array of Slurm for data that are not preprocessed", async () => {
  stub("sbatch", `echo "$@" >> ${folder}/calls; echo 4711`);
  rmSync(join(folder, "pre", "Dataset007_Toy", "nnUNetPlans_2d"), { recursive: true });
  expect(await train("--slurm")).toBe(4);
  expect(existsSync(join(folder, "calls"))).toBe(false);
});

test("measures the steps of a training without its first epoch", async () => {
  mkdirSync(foldFolder(0).replace("nnUNetTrainer__", "nnUNetTrainerBenchmark_5epochs__"), {
    recursive: true,
  });
  trainerThat(epoch(0, "0.9").replace("1.0 s", "90.0 s"), epoch(1, "0.8"), epoch(2, "0.7"));
  const words = ["-d", "7", "-c", "2d", "--venv", "venv", "-o", "perf.json"];
  expect(await main(["benchmark", "train", ...words], terminal), terminal.printed.err).toBe(0);
  // 250 steps in a second, with 12 images each.
  expect(JSON.parse(readFileSync(join(folder, "perf.json"), "utf8"))).toEqual({
    throughput_train: 3000,
    latency_train_mean: 4,
    latency_train_90: 4,
    latency_train_95: 4,
    latency_train_99: 4,
  });
  expect(terminal.printed.out).toContain("train: 2 epochs, patches of 32 × 48 voxels");
});
