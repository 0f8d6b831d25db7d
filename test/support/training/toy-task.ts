import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dict, integer, list, pickleFile, text } from "../../../processor/nnunet-files/pickle-bytes.js";
import { main } from "../../../src/cli/main.js";
import { type TestTerminal, testTerminal } from "../programs/test-terminal.js";

/** What nnunet 1.7.1 printed in an epoch, with numpy 2. */
export const epochOfV1 = [
  "2026-11-28 16:31:20.888370: ",
  "epoch:  1",
  "2026-11-28 16:31:59.649684: train loss : 1.0055",
  "2026-11-28 16:32:08.419057: validation loss: 0.9020",
  "2026-11-28 16:32:08.419351: Average global foreground Dice: [np.float32(0.1467), np.float32(0.006)]",
  "2026-11-28 16:32:12.019940: lr: 0.00372",
  "2026-11-28 16:32:12.020524: saving scheduled checkpoint file...",
  "2026-11-28 16:32:12.021372: saving checkpoint...",
  "2026-11-28 16:32:12.277460: done, saving took 0.26 seconds",
  "2026-11-28 16:32:12.815636: This epoch took 51.927237 s",
];

/** Plans of v1 with the few facts that a training needs before it starts. */
export const plansOfV1 = (identifier: string, stages = 1): Uint8Array =>
  pickleFile(
    dict([
      ["num_stages", integer(stages)],
      ["data_identifier", text(identifier)],
      ["all_classes", list([integer(1)])],
    ]),
  );

/** Folders of nnU-Net v1 with a preprocessed task of five cases, and programs of shell in v1's place. */
export class ToyTask {
  readonly folder = mkdtempSync(join(tmpdir(), "train-v1-"));
  readonly terminal: TestTerminal = {
    ...testTerminal(this.folder),
    environment: {
      PATH: process.env["PATH"],
      nnUNet_raw_data_base: join(this.folder, "raw"),
      nnUNet_preprocessed: join(this.folder, "pre"),
      RESULTS_FOLDER: join(this.folder, "res"),
    },
  };
  readonly task = join(this.folder, "pre", "Task007_Toy");
  readonly caseIds = ["a", "b", "c", "d", "e"];

  constructor() {
    const { task } = this;
    const folders = ["nnUNetData_plans_v2.1_2D_stage0", "nnUNetData_plans_v2.1_stage0", "gt_segmentations"];
    for (const name of folders) mkdirSync(join(task, name), { recursive: true });
    writeFileSync(join(task, "nnUNetPlansv2.1_plans_2D.pkl"), plansOfV1("nnUNetData_plans_v2.1_2D"));
    writeFileSync(join(task, "nnUNetPlansv2.1_plans_3D.pkl"), plansOfV1("nnUNetData_plans_v2.1"));
    for (const id of this.caseIds) {
      for (const ending of ["pkl", "npz"])
        writeFileSync(join(task, "nnUNetData_plans_v2.1_2D_stage0", `${id}.${ending}`), "");
      writeFileSync(join(task, "gt_segmentations", `${id}.nii.gz`), "");
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  /** Puts a program in v1's place, which notes its arguments and then runs some lines of shell. */
  program(name: string, ...lines: readonly string[]): void {
    const bin = join(this.folder, "venv", "bin");
    mkdirSync(bin, { recursive: true });
    const script = ["#!/bin/sh", `echo "${name} $@" >> ${this.folder}/calls`, ...lines];
    writeFileSync(join(bin, name), `${script.join("\n")}\n`);
    chmodSync(join(bin, name), 0o755);
  }

  calls(): readonly string[] {
    return readFileSync(join(this.folder, "calls"), "utf8").trim().split("\n");
  }

  train(...argv: readonly string[]): Promise<number> {
    return main(["train", "7", ...argv, "--nnunet", "v1", "--venv", "venv"], this.terminal);
  }

  foldFolder(fold: number, trainer = "nnUNetTrainerV2"): string {
    const model = join(this.folder, "res", "nnUNet", "2d", "Task007_Toy", `${trainer}__nnUNetPlansv2.1`);
    return join(model, `fold_${fold}`);
  }
}
