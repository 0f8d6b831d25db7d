import { cpSync, existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { main } from "../../../src/cli/main.js";
import { goldenPath } from "../../support/golden.js";
import { type TestTerminal, testTerminal } from "../../support/programs/test-terminal.js";

const dataset = "Dataset001_EnsembleWins";

let folder: string;
let terminal: TestTerminal;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "find-best-"));
  cpSync(goldenPath("tools", "selection", "EnsembleWins", "in"), folder, { recursive: true });
  const environment = {
    nnUNet_results: join(folder, "nnUNet_results"),
    nnUNet_preprocessed: join(folder, "nnUNet_preprocessed"),
  };
  terminal = { ...testTerminal(folder), environment };
});
afterEach(() => rmSync(folder, { recursive: true }));

test("find-best takes a configuration and a fold that are named twice once, as accumulate does", async () => {
  const folds = ["-f", "0", "1", "2", "3", "4", "0"];
  expect(await main(["find-best", "1", "-c", "2d", "2d", ...folds], terminal)).toBe(0);
  expect(terminal.printed.out.match(/nnUNetTrainer__nnUNetPlans__2d +0\.\d+/g)).toHaveLength(1);
  expect(await main(["accumulate", "1", "-c", "2d", ...folds], terminal), terminal.printed.err).toBe(0);
  expect(terminal.printed.out).toContain("crossval_results_folds_0_1_2_3_4/summary.json");
});

test("find-best shows what it has found even if it cannot write a config.json, which needs checkpoints", async () => {
  const argv = ["find-best", "1", "-c", "2d", "--write-config", "config.json"];
  expect(await main(argv, terminal)).toBe(3);
  expect(terminal.printed.err).toContain("error FOLD_MISSING");
  expect(terminal.printed.out).toContain("mean foreground Dice on the cross-validation");
  expect(terminal.printed.out).not.toContain("next");
  expect(existsSync(join(folder, "config.json"))).toBe(false);
});

test("find-best and train suggest the plans that the data set has", async () => {
  renameSync(
    join(folder, "nnUNet_preprocessed", dataset, "nnUNetPlans.json"),
    join(folder, "nnUNet_preprocessed", dataset, "nnUNetResEncUNetLPlans.json"),
  );
  for (const argv of [
    ["find-best", "1", "-c", "2d"],
    ["train", "1", "2d"],
  ]) {
    expect(await main([...argv, "-p", "nnUNetResEncUNetLPlan"], terminal)).toBe(4);
    expect(terminal.printed.err).toContain("error NOT_PREPROCESSED");
    expect(terminal.printed.err).toContain("nnUNetResEncUNetLPlans.json?");
  }
});
