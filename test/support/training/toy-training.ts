import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { main } from "../../../src/cli/main.js";
import { type TestTerminal, testTerminal } from "../programs/test-terminal.js";

const at = "2026-11-28 01:02:54.561371: ";

/** What nnU-Net prints in an epoch, as lines of shell. */
export const epoch = (number: number, loss: string): string =>
  ["Epoch N", `train_loss ${loss}`, "val_loss 0.5", "Pseudo dice [0.5]", "Epoch time: 1.0 s"]
    .map((line) => `echo "${at}${line.replace("N", String(number))}"`)
    .join("\n");

/** Folders of nnU-Net with a preprocessed data set of five cases, and programs of shell in nnU-Net's place. */
export class ToyTraining {
  readonly folder = mkdtempSync(join(tmpdir(), "train-"));
  terminal: TestTerminal = {
    ...testTerminal(this.folder),
    environment: {
      PATH: process.env["PATH"],
      nnUNet_raw: join(this.folder, "raw"),
      nnUNet_preprocessed: join(this.folder, "pre"),
      nnUNet_results: join(this.folder, "res"),
    },
  };
  readonly dataset = join(this.folder, "pre", "Dataset007_Toy");

  constructor() {
    const data = join(this.dataset, "nnUNetPlans_2d");
    for (const path of [data, join(this.dataset, "gt_segmentations")]) mkdirSync(path, { recursive: true });
    mkdirSync(join(this.folder, "raw", "Dataset007_Toy"), { recursive: true });
    for (const id of ["a", "b", "c", "d", "e"]) {
      for (const ending of [".b2nd", "_seg.b2nd", ".pkl"]) writeFileSync(join(data, `${id}${ending}`), "");
      writeFileSync(join(this.dataset, "gt_segmentations", `${id}.nii.gz`), "");
    }
    writeFileSync(join(this.dataset, "dataset.json"), '{"file_ending": ".nii.gz"}');
    writeFileSync(join(this.dataset, "dataset_fingerprint.json"), "{}");
    this.writePlans(6);
  }

  /** Adds a data set with the same cases. */
  addDataset(name: string): void {
    cpSync(this.dataset, join(this.folder, "pre", name), { recursive: true });
    mkdirSync(join(this.folder, "raw", name));
  }

  remove(): void {
    vi.unstubAllEnvs();
    rmSync(this.folder, { recursive: true });
  }

  writePlans(stages: number): void {
    const architecture = { arch_kwargs: { n_stages: stages } };
    const sizes = { batch_size: 12, patch_size: [32, 48] };
    const plans = { configurations: { "2d": { data_identifier: "nnUNetPlans_2d", architecture, ...sizes } } };
    writeFileSync(join(this.dataset, "nnUNetPlans.json"), JSON.stringify(plans));
  }

  /** Makes a program of the machine another one. */
  stub(name: string, line: string): void {
    const bin = join(this.folder, "bin");
    writeScript(bin, name, ["#!/bin/sh", line]);
    const path = `${bin}:${process.env["PATH"]}`;
    this.terminal = { ...this.terminal, environment: { ...this.terminal.environment, PATH: path } };
    vi.stubEnv("PATH", path);
  }

  /** Puts a program in nnU-Net's place, which notes its arguments and then runs some lines of shell. */
  trainerThat(...lines: readonly string[]): void {
    const note = `echo "$CUDA_VISIBLE_DEVICES|$@" >> ${this.folder}/calls`;
    writeScript(join(this.folder, "venv", "bin"), "nnUNetv2_train", ["#!/bin/sh", note, ...lines]);
  }

  calls(): readonly string[] {
    return readFileSync(join(this.folder, "calls"), "utf8").trim().split("\n");
  }

  train(...argv: readonly string[]): Promise<number> {
    return main(["train", "7", "2d", "--venv", "venv", ...argv], this.terminal);
  }

  foldFolder(fold: number, trainer = "nnUNetTrainer", dataset = "Dataset007_Toy"): string {
    return join(this.folder, "res", dataset, `${trainer}__nnUNetPlans__2d`, `fold_${fold}`);
  }
}

function writeScript(bin: string, name: string, lines: readonly string[]): void {
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, name), `${lines.join("\n")}\n`);
  chmodSync(join(bin, name), 0o755);
}
