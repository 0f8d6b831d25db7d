import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { repositoryRoot } from "../../../support/golden.js";
import { epoch, ToyTraining } from "../../../support/training/toy-training.js";

let toy: ToyTraining;
beforeEach(() => {
  toy = new ToyTraining();
});
afterEach(() => toy.remove());

/** Starts `train` in a process of its own, and resolves in its first epoch. */
async function startTraining(...words: readonly string[]): Promise<ChildProcess> {
  const program = join(repositoryRoot, "dist", "build_processor.js");
  const child = spawn(process.execPath, [program, "train", "7", "2d", "--venv", "venv", ...words], {
    cwd: toy.folder,
    env: toy.terminal.environment,
    stdio: ["ignore", "ignore", "pipe"],
  });
  for await (const line of createInterface({ input: child.stderr! })) if (line.includes("epoch 0")) break;
  return child;
}

/** Trains an epoch, and goes on until `end` exists. */
function trainerThatWaits(): void {
  toy.trainerThat(epoch(0, "0.9"), `until [ -e ${toy.folder}/end ]; do sleep 0.05; done`);
}

test("a second training of a fold is refused, and touches nothing of the first one", async () => {
  trainerThatWaits();
  // nnU-Net writes its checkpoints in place: half of one must not be put aside.
  mkdirSync(toy.foldFolder(0), { recursive: true });
  const first = await startTraining("-f", "0");
  writeFileSync(join(toy.foldFolder(0), "checkpoint_latest.pth"), "PK\u0003\u0004 and more will come");
  expect(await toy.train("-f", "1", "0")).toBe(5);
  const { err } = toy.terminal.printed;
  expect(err).toContain("error FOLD_IN_USE");
  expect(err).toContain(`fold_0: process ${first.pid} on ${hostname()}, started at 20`);
  expect(err).toContain("--folds names other folds to train at the same time");
  expect(existsSync(join(toy.foldFolder(0), "checkpoint_latest.pth"))).toBe(true);
  expect(toy.calls()).toHaveLength(1);
  // The same of an array, and of --restart.
  for (const words of [["--slurm"], ["--restart", "-f", "0"]]) expect(await toy.train(...words)).toBe(5);
  expect(toy.calls()).toHaveLength(1);
  writeFileSync(join(toy.folder, "end"), "");
  expect(await once(first, "exit")).toEqual([0, null]);
  expect(await toy.train("-f", "0"), toy.terminal.printed.err).toBe(0);
});

test("another fold is trained at the same time", async () => {
  trainerThatWaits();
  const first = await startTraining("-f", "0");
  const second = await startTraining("-f", "1");
  writeFileSync(join(toy.folder, "end"), "");
  expect(await Promise.all([first, second].map((child) => once(child, "exit")))).toEqual([
    [0, null],
    [0, null],
  ]);
});

test("after this program was killed, the next one says that nnU-Net still trains, and how to end it", async () => {
  trainerThatWaits();
  const first = await startTraining("-f", "0");
  first.kill("SIGKILL");
  await once(first, "exit");
  expect(await toy.train("-f", "0")).toBe(5);
  const command = /end it with `(kill -- -\d+)`/.exec(toy.terminal.printed.err)?.[1];
  expect(command, toy.terminal.printed.err).toBeDefined();
  writeFileSync(join(toy.foldFolder(0), "checkpoint_best.pth"), endOfZip);
  expect(spawnSync("sh", ["-c", command!]).status).toBe(0);
  writeFileSync(join(toy.folder, "end"), "");
  await vi.waitFor(async () => expect(await toy.train("-f", "0")).toBe(0), { timeout: 20_000 });
  expect(toy.calls()).toHaveLength(2);
  expect(toy.calls()[1]).toMatch(/ --c$/);
});

/** The end of a zip file, as torch writes it. */
const endOfZip = Buffer.concat([Buffer.from("PK\u0005\u0006", "latin1"), Buffer.alloc(18)]);
