import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { main } from "../../../src/cli/main.js";
import { trainFold } from "../../../src/nnunet/training/train-fold.js";
import { repositoryRoot } from "../../support/golden.js";
import { epoch, ToyTraining } from "../../support/training/toy-training.js";

/** The end of a zip file, as torch writes it. */
const emptyZip = Buffer.concat([Buffer.from("PK\u0005\u0006", "latin1"), Buffer.alloc(18)]);

const at = "2026-11-28 01:02:54.561371: ";

let toy: ToyTraining;
let folder: string;
beforeEach(() => {
  toy = new ToyTraining();
  ({ folder } = toy);
});
afterEach(() => toy.remove());

test("continues an interrupted fold, validates a trained one, and leaves a finished one", async () => {
  toy.trainerThat(epoch(0, "0.9"), `echo "${at}Mean Validation Dice:  0.75"`);
  for (const fold of [0, 1, 2]) mkdirSync(join(toy.foldFolder(fold), "validation"), { recursive: true });
  writeFileSync(join(toy.foldFolder(0), "checkpoint_final.pth"), emptyZip);
  writeFileSync(join(toy.foldFolder(0), "validation", "summary.json"), "");
  writeFileSync(join(toy.foldFolder(1), "checkpoint_final.pth"), emptyZip);
  writeFileSync(join(toy.foldFolder(2), "checkpoint_best.pth"), emptyZip);
  expect(await toy.train("-f", "0", "1", "2", "3"), toy.terminal.printed.err).toBe(0);
  const common = "-tr nnUNetTrainer -p nnUNetPlans -device cuda --npz";
  expect(toy.calls()).toEqual([
    `|Dataset007_Toy 2d 1 ${common} --val`,
    `|Dataset007_Toy 2d 2 ${common} --c`,
    `|Dataset007_Toy 2d 3 ${common}`,
  ]);
  expect(toy.terminal.printed.err).toContain("fold 0: finished before");
  expect(toy.terminal.printed.err).toContain(
    "fold 2, epoch 0: train loss 0.9, validation loss 0.5, Dice 0.500, 1 s",
  );
  expect(toy.terminal.printed.err).toContain("mean validation Dice 0.7500");
});

test("waits with a stop until nnU-Net has written its checkpoint", async () => {
  const checkpoint = join(folder, "checkpoint");
  toy.trainerThat(epoch(0, "0.9"), `sleep 0.5; touch ${checkpoint}`, `echo "${at}Epoch 1"`, "sleep 600");
  const stop = new AbortController();
  const ended = trainFold({
    command: {
      program: join(folder, "venv", "bin", "nnUNetv2_train"),
      argv: [],
      environment: process.env,
      container: null,
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
  toy.trainerThat("true");
  mkdirSync(toy.foldFolder(0), { recursive: true });
  writeFileSync(join(toy.foldFolder(0), "checkpoint_latest.pth"), emptyZip);
  writeFileSync(join(toy.foldFolder(0), "checkpoint_best.pth"), "PK\u0003\u0004 and then nothing");
  expect(await toy.train("-f", "0"), toy.terminal.printed.err).toBe(0);
  expect(toy.calls()[0]).toMatch(/ --c$/);
  expect(existsSync(join(toy.foldFolder(0), "checkpoint_best.pth.damaged"))).toBe(true);
  expect(toy.terminal.printed.err).toContain("was stopped while it wrote a checkpoint");
});

test("begins again with --restart, so that a stop soon after it does not leave the older model as finished", async () => {
  const older = `${toy.foldFolder(0)}/validation/summary.json`;
  mkdirSync(join(toy.foldFolder(0), "validation"), { recursive: true });
  writeFileSync(join(toy.foldFolder(0), "checkpoint_final.pth"), emptyZip);
  writeFileSync(older, "");
  // nnU-Net fails before its first epoch: nothing is lost.
  toy.trainerThat("exit 1");
  expect(await toy.train("-f", "0", "--restart")).toBe(5);
  expect(existsSync(join(toy.foldFolder(0), "checkpoint_final.pth"))).toBe(true);
  toy.trainerThat(epoch(0, "0.9"), `while [ -e ${older} ]; do sleep 0.05; done`, "exit 1");
  expect(await toy.train("-f", "0", "--restart")).toBe(5);
  expect(existsSync(join(toy.foldFolder(0), "checkpoint_final.pth"))).toBe(false);
});

test("spreads the folds over the GPUs, one fold on each", async () => {
  toy.trainerThat("true");
  expect(await toy.train("-f", "0", "1", "2", "--gpus", "2,5"), toy.terminal.printed.err).toBe(0);
  const gpus = toy.calls().map((call) => call.split("|")[0]);
  expect(gpus.toSorted()).toHaveLength(3);
  expect(new Set(gpus)).toEqual(new Set(["2", "5"]));
});

test("lets the other folds begin after the first one has, which writes what all of them read", async () => {
  const unpacked = join(folder, "unpacked");
  toy.trainerThat(
    `[ "$3" = 0 ] && sleep 0.5 && touch ${unpacked}`,
    `[ -e ${unpacked} ] || exit 1`,
    epoch(0, "0.9"),
  );
  expect(await toy.train("-f", "0", "1", "2", "--gpus", "0,1,2"), toy.terminal.printed.err).toBe(0);
});

test("counts epochs, as nnU-Net does, while it trains", async () => {
  toy.trainerThat(epoch(0, "0.9"), "sleep 3", epoch(1, "0.8"));
  mkdirSync(toy.foldFolder(0), { recursive: true });
  writeFileSync(join(toy.foldFolder(0), "debug.json"), '{"num_epochs": "4"}');
  toy.terminal = { ...toy.terminal, isInteractive: true };
  expect(await toy.train("-f", "0"), toy.terminal.printed.err).toBe(0);
  expect(toy.terminal.printed.err).toMatch(/fold 0: training \d of 4 epochs/);
  expect(toy.terminal.printed.err).toContain("fold 0, epoch 1 of 4: train loss 0.8");
});

test("does not say again that a fold was trained which is only validated", async () => {
  toy.trainerThat(`echo "${at}Training done."`, `echo "${at}Mean Validation Dice:  0.75"`);
  mkdirSync(toy.foldFolder(0), { recursive: true });
  writeFileSync(join(toy.foldFolder(0), "checkpoint_final.pth"), emptyZip);
  expect(await toy.train("-f", "0", "1"), toy.terminal.printed.err).toBe(0);
  expect(toy.terminal.printed.err).toContain("fold 0: trained before; predicting the validation cases");
  expect(toy.terminal.printed.err).not.toContain("fold 0: trained; now");
  expect(toy.terminal.printed.err).toContain("fold 1: trained; now");
});

test("in a log, an epoch is one line, and the cases of the validation are counted", async () => {
  toy.trainerThat(
    epoch(0, "0.9"),
    "sleep 2.1",
    epoch(1, "0.8"),
    `echo "${at}predicting a"`,
    "sleep 2.1",
    `echo "${at}predicting b"`,
  );
  expect(await toy.train("-f", "0"), toy.terminal.printed.err).toBe(0);
  expect(toy.terminal.printed.err).not.toContain("fold 0: training 1");
  expect(toy.terminal.printed.err).toContain("fold 0: validation has begun 2 cases\n");
});

test("stops a training whose loss is NaN, and ends its processes", async () => {
  toy.trainerThat(epoch(3, "nan"), `echo "${at}Epoch 4"`, "sleep 600");
  expect(await toy.train("-f", "0")).toBe(4);
  expect(toy.terminal.printed.err).toMatch(/TRAINING_DIVERGED.*the loss of epoch 3 is NaN/s);
});

test("trains the other folds if one fails, and repeats Python's exception", async () => {
  toy.trainerThat('[ "$3" = 1 ] && { echo "RuntimeError: CUDA out of memory" >&2; exit 1; }', "exit 0");
  expect(await toy.train("-f", "0", "1", "2")).toBe(5);
  expect(toy.calls()).toHaveLength(3);
  expect(toy.terminal.printed.err).toMatch(
    /TRAINING_FAILED.*fold_1.*exit code 1: RuntimeError: CUDA out of memory\n/s,
  );
});

test.each([
  ["zipfile.BadZipFile: File is not a zip file"],
  ["_queue.Empty"],
  [
    "ValueError: the case b has no voxels",
    "RuntimeError: One or more background workers are no longer alive.",
  ],
])("names the reason of a failure, %s", async (...exceptions) => {
  const frames = '  File "x.py", line 1, in y\\n    Error: not this one';
  const lines = exceptions.map(
    (one) => `printf 'Traceback (most recent call last):\\n${frames}\\n${one}\\n' >&2`,
  );
  toy.trainerThat(...lines, "exit 1");
  expect(await toy.train("-f", "0")).toBe(5);
  expect(toy.terminal.printed.err).toContain(`exit code 1: ${exceptions[0]}\n`);
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
  toy.trainerThat("true");
  expect(await main(argv, toy.terminal)).toBeGreaterThan(1);
  expect(toy.terminal.printed.err).toContain(code);
  expect(toy.terminal.printed.err).toContain(says);
  expect(existsSync(join(folder, "calls"))).toBe(false);
});

test.each([
  [["--gpus-per-fold", "2", "--device", "cpu"], "--device cpu uses no GPUs of NVIDIA"],
  [["--gpus", "0", "--device", "cpu"], "--device cpu uses no GPUs of NVIDIA"],
  [["--gpus-per-fold", "16"], "2d has a batch of 12, which 16 GPUs cannot share"],
  [["--gpus-per-fold", "0"], "--gpus-per-fold is a whole number from 1 on, not 0"],
])("refuses %j before anything is trained", async (argv, message) => {
  toy.trainerThat("true");
  expect(await toy.train("-f", "0", ...argv)).toBe(2);
  expect(toy.terminal.printed.err).toContain(message);
  expect(existsSync(join(folder, "calls"))).toBe(false);
});

test("repeats Docker's reason if the image cannot run, and does not try the other folds", async () => {
  const reason = "docker: Error response from daemon: pull access denied for none";
  toy.stub("docker", `echo "$@" >> ${folder}/calls; echo "${reason}" >&2; exit 125`);
  expect(await main(["train", "7", "2d", "--image", "none:1"], toy.terminal)).toBe(5);
  expect(toy.terminal.printed.err).toContain(`error TRAINER_NOT_FOUND: ${reason}\n`);
  expect(toy.calls()).toHaveLength(1);
});

test("refuses a data set that is only partly preprocessed", async () => {
  toy.trainerThat("true");
  writeFileSync(join(folder, "pre", "Dataset007_Toy", "gt_segmentations", "f.nii.gz"), "");
  expect(await toy.train("-f", "0")).toBe(4);
  expect(toy.terminal.printed.err).toMatch(/NOT_PREPROCESSED.*has 5 cases, but gt_segmentations has 6/s);
});

test("warns of a network of two stages, which nnU-Net trains to NaN", async () => {
  toy.trainerThat("true");
  toy.writePlans(2);
  expect(await toy.train("-f", "0")).toBe(0);
  expect(toy.terminal.printed.err).toContain("the network has 2 stages");
});

test("ends nnU-Net at once with a second Ctrl-C, although it ignores the first one", async () => {
  toy.trainerThat(
    "trap '' TERM INT",
    `echo $$ > ${folder}/pid`,
    epoch(0, "0.9"),
    "while :; do sleep 0.1; done",
  );
  const program = join(repositoryRoot, "dist", "build_processor.js");
  const words = ["train", "7", "2d", "--venv", "venv", "-f", "0"];
  const child = spawn(process.execPath, [program, ...words], { cwd: folder, env: toy.terminal.environment });
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

test("ends the workers that a killed nnU-Net leaves behind, and says that it was killed", async () => {
  // The end of an epoch is when a stop waits for a checkpoint, which nobody writes any more.
  toy.trainerThat(`sleep 600 & echo $! > ${folder}/worker`, epoch(0, "0.9"), "kill -9 $$");
  expect(await toy.train("-f", "0")).toBe(5);
  expect(toy.terminal.printed.err).toContain("ended with SIGKILL (the system may have run out of memory)");
  const worker = readFileSync(join(folder, "worker"), "utf8").trim();
  const state = () => spawnSync("ps", ["-o", "stat=", "-p", worker], { encoding: "utf8" }).stdout;
  await vi.waitFor(() => expect(state()).toMatch(/^(?:Z.*)?$/s), { timeout: 20_000 });
});

test("trains in an image, with the folders of nnU-Net and the GPU of the fold", async () => {
  toy.stub("docker", `echo "$@" >> ${folder}/calls`);
  const environment = { ...toy.terminal.environment, nnUNet_extTrainer: "/my trainers:/ours" };
  const words = ["train", "7", "2d", "--image", "nnunet:1", "-f", "3", "--gpus", "1"];
  expect(await main(words, { ...toy.terminal, environment })).toBe(0);
  const [call] = toy.calls();
  expect(call).toMatch(
    /^run --rm --init --name nnunet-train-\d+-3 --network none --shm-size 8g --user \d+:\d+ /,
  );
  expect(call).toContain(`--gpus device=1 --volume ${folder}/pre:/nnunet/preprocessed`);
  expect(call).toContain(`--volume ${folder}/res:/nnunet/results --env nnUNet_raw=/nnunet/raw`);
  expect(call).toContain("--volume /my trainers:/nnunet/trainers/0:ro --volume /ours:/nnunet/trainers/1:ro");
  expect(call).toContain("--env nnUNet_extTrainer=/nnunet/trainers/0:/nnunet/trainers/1");
  expect(call).toMatch(/--entrypoint nnUNetv2_train nnunet:1 Dataset007_Toy 2d 3 -tr nnUNetTrainer .*--npz$/);
});
