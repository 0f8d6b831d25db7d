import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { plannedEpochs } from "../../src/nnunet/training/fold-state.js";
import { type TrainingEvent, TrainingLog } from "../../src/nnunet/training/training-log.js";
import { goldenPath } from "../support/golden.js";

function eventsOf(name: string): readonly TrainingEvent[] {
  const log = new TrainingLog();
  return readFileSync(goldenPath("tools", "training", name), "utf8")
    .split("\n")
    .flatMap((line) => log.read(line) ?? []);
}

test.each(["train.txt", "training_log_finished.txt"])("reads every epoch of %s, and its end", (name) => {
  const events = eventsOf(name);
  expect(events.filter(({ kind }) => kind === "epoch")).toEqual([
    {
      kind: "epoch",
      result: {
        epoch: 0,
        learningRate: 0.01,
        trainLoss: 1.6667,
        validationLoss: 1.6212,
        pseudoDice: [0.053, 0.0231],
        seconds: 7.51,
      },
    },
    {
      kind: "epoch",
      result: {
        epoch: 1,
        learningRate: 0.00536,
        trainLoss: 1.5485,
        validationLoss: 1.4363,
        pseudoDice: [0.0669, 0.0171],
        seconds: 8.14,
      },
    },
  ]);
  expect(events.slice(-3)).toEqual([
    { kind: "trained" },
    { kind: "predicting", caseName: "ct_00" },
    { kind: "validated", meanDice: 0.008439414553503279 },
  ]);
});

test("does not report the epoch in which a training was stopped", () => {
  const events = eventsOf("interrupted_SIGTERM.txt");
  expect(events.at(-1)).toEqual({ kind: "epoch-started", epoch: 5 });
  expect(events.filter(({ kind }) => kind === "epoch")).toHaveLength(5);
});

test("reads the number of epochs that a trainer has set itself", async () => {
  expect(await plannedEpochs(goldenPath("tools", "training"))).toBe(2);
});

test("reads losses that are not numbers, and numpy 1's bare numbers", () => {
  const log = new TrainingLog();
  const at = "2026-11-28 01:02:54.561371: ";
  const lines = ["Epoch 0", "train_loss nan", "val_loss nan", "Pseudo dice [0.5, nan]", "Epoch time: 1.5 s"];
  const events = lines.flatMap((line) => log.read(`${at}${line} `) ?? []);
  expect(events.at(-1)).toMatchObject({
    result: { trainLoss: Number.NaN, validationLoss: Number.NaN, pseudoDice: [0.5, Number.NaN] },
  });
});

test("reads the names of cases with spaces", () => {
  const line = "2026-11-28 01:02:54.561371: predicting case 01 left ";
  expect(new TrainingLog().read(line)).toEqual({ kind: "predicting", caseName: "case 01 left" });
});

test("reads the Dice of several hundred classes", () => {
  const log = new TrainingLog();
  const at = "2026-11-28 01:02:54.561371: ";
  const dice = `Pseudo dice [${new Array(400).fill("np.float32(0.1234)").join(", ")}]`;
  const lines = ["Epoch 0", "train_loss -0.5", "val_loss -0.4", dice, "Epoch time: 1.5 s"];
  const events = lines.flatMap((line) => log.read(`${at}${line} `) ?? []);
  expect(events.at(-1)).toMatchObject({ result: { pseudoDice: new Array(400).fill(0.1234) } });
});
