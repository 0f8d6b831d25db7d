import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { main } from "../../../../src/cli/main.js";
import { goldenPath } from "../../../support/golden.js";
import { type TestTerminal, testTerminal } from "../../../support/programs/test-terminal.js";

let folder: string;
let terminal: TestTerminal;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "accumulate-"));
  cpSync(goldenPath("tools", "selection", "EnsembleWins", "in"), folder, { recursive: true });
  terminal = {
    ...testTerminal(folder),
    environment: {
      nnUNet_preprocessed: join(folder, "nnUNet_preprocessed"),
      nnUNet_results: join(folder, "nnUNet_results"),
    },
  };
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a run that fails leaves no output folder, so the same command works afterwards", async () => {
  const references = join(folder, "nnUNet_preprocessed", "Dataset001_EnsembleWins", "gt_segmentations");
  const elsewhere = join(folder, "elsewhere");
  const command = ["accumulate", "1", "-c", "2d", "-f", "0", "1", "-o", "out"];
  renameSync(references, elsewhere);
  expect(await main(command, terminal)).not.toBe(0);
  expect(existsSync(join(folder, "out"))).toBe(false);
  renameSync(elsewhere, references);
  expect(await main(command, terminal), terminal.printed.err).toBe(0);
  const summary = readFileSync(join(folder, "out", "summary.json"), "utf8");
  expect(summary).toContain(`"prediction_file": "${join(folder, "out")}/`);
  expect(readdirSync(join(folder, "out")).filter((name) => name.startsWith("."))).toEqual([]);
});

test("several data sets are scored one after the other, each into a folder of its own", async () => {
  for (const name of ["nnUNet_preprocessed", "nnUNet_results"])
    cpSync(join(folder, name, "Dataset001_EnsembleWins"), join(folder, name, "Dataset002_Same"), {
      recursive: true,
    });
  const command = ["accumulate", "1", "2", "-c", "2d", "-f", "0", "1"];
  expect(await main([...command, "-o", "out"], terminal), terminal.printed.err).toBe(0);
  expect(readdirSync(join(folder, "out"))).toEqual(["Dataset001_EnsembleWins", "Dataset002_Same"]);
  expect(terminal.printed.out).toMatch(/^Dataset001_EnsembleWins\nforeground mean .*\n.*\nDataset002_Same\n/);
  terminal = { ...testTerminal(folder), environment: terminal.environment };
  expect(await main([...command, "--json"], terminal), terminal.printed.err).toBe(0);
  const [first, second] = JSON.parse(terminal.printed.out);
  expect(second.foregroundMean).toEqual(first.foregroundMean);
  // A wrong name is found before the first data set is scored.
  rmSync(join(folder, "out"), { recursive: true });
  expect(await main(["accumulate", "1", "9", "-c", "2d", "-f", "0", "1", "-o", "out"], terminal)).not.toBe(0);
  expect(existsSync(join(folder, "out"))).toBe(false);
});
