import { chmodSync, cpSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { goldenPath } from "../../support/golden.js";
import { describeWith } from "../../support/needs.js";
import { withOrdinaryRights } from "../../support/programs/ordinary-rights.js";
import { type ProgramRun, runProgram } from "../../support/programs/run-program.js";

const dataset = "Dataset001_EnsembleWins";
const references = `nnUNet_preprocessed/${dataset}/gt_segmentations`;
const model = `nnUNet_results/${dataset}/nnUNetTrainer__nnUNetPlans__2d`;
const predictions = `${model}/fold_0/validation`;
const others = `nnUNet_results/${dataset}/nnUNetTrainer__nnUNetPlans__3d_fullres/fold_0/validation`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "unreadable-"));
  cpSync(goldenPath("tools", "selection", "EnsembleWins", "in"), folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (command: readonly string[], startedBy: readonly string[] = []): Promise<ProgramRun> =>
  runProgram(command, {
    cwd: folder,
    environment: {
      nnUNet_results: join(folder, "nnUNet_results"),
      nnUNet_preprocessed: join(folder, "nnUNet_preprocessed"),
    },
    startedBy,
  });

/** Commands that list a folder, and that folder. */
const commands: readonly (readonly [string, ...string[]])[] = [
  [predictions, "evaluate", references, predictions, "-l", "1", "2"],
  [references, "evaluate", references, predictions, "-l", "1", "2"],
  [predictions, "ensemble", "-i", predictions, others, "-o", "out"],
  [others, "ensemble", "-i", predictions, others, "-o", "out"],
  [predictions, "postprocess", "determine", "-i", predictions, "--ref", references],
  [predictions, "accumulate", "1", "-c", "2d"],
  [model, "accumulate", "1", "-c", "2d"],
  [predictions, "find-best", "1", "-c", "2d", "3d_fullres"],
  [model, "find-best", "1", "-c", "2d", "3d_fullres"],
  [model, "export-model", "1", "-c", "2d", "-o", "liver.zip"],
  [model, "change-trainer", model, "--trainer", "nnUNetTrainerV2"],
];

describe.each(commands)("with %s, %s %s", (path, ...command) => {
  test("does not end with a bug if it is a file", async () => {
    renameSync(join(folder, path), join(folder, "elsewhere"));
    writeFileSync(join(folder, path), "");
    const { exitCode, err } = await run(command);
    expect([3, 4]).toContain(exitCode);
    expect(err).toContain(path);
    expect(err).toMatch(/is a file, not a folder|\(ENOTDIR\): a file is in the place of a folder/);
  });

  describeWith(withOrdinaryRights.needs, "", () => {
    test("says that it may not be read", async () => {
      chmodSync(join(folder, path), 0o000);
      const { exitCode, err } = await run(command, withOrdinaryRights.startedBy);
      chmodSync(join(folder, path), 0o755);
      expect([3, 4]).toContain(exitCode);
      expect(err).toContain(`${path} cannot be read (EACCES): permission denied`);
    });
  });
});

describeWith(withOrdinaryRights.needs, "trainings", () => {
  const closed = join("nnUNet_results", dataset);
  const open = join("nnUNet_results", "Dataset002_Other");
  afterEach(() => chmodSync(join(folder, closed), 0o755));

  test("leaves out what this account may not read, but says so if nothing is left", async () => {
    const log = join(folder, model, "fold_0", "training_log_2026_11_8_01_02_54.txt");
    writeFileSync(log, "2026-11-08 01:02:55.000001: Epoch 0 \n");
    chmodSync(join(folder, closed), 0o000);
    const alone = await run(["trainings"], withOrdinaryRights.startedBy);
    expect(alone.err).toContain(`${closed} cannot be read (EACCES): permission denied`);
    chmodSync(join(folder, closed), 0o755);
    cpSync(join(folder, closed), join(folder, open), { recursive: true });
    chmodSync(join(folder, closed), 0o000);
    const { exitCode, out } = await run(["trainings"], withOrdinaryRights.startedBy);
    expect(exitCode).toBe(0);
    expect(out).toContain("Dataset002_Other");
  });
});
