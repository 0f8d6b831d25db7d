import { readdirSync } from "node:fs";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { main } from "../../src/cli/main.js";
import { readNpz } from "../../src/nnunet/files/read-npz.js";
import { goldenPath, readNpyGz } from "../support/golden.js";
import { testTerminal } from "../support/programs/test-terminal.js";
import { expectSameSegmentation } from "../support/same-segmentation.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "selection-"));
});
afterEach(() => rm(folder, { recursive: true }));

const namesIn = (...parts: readonly string[]): readonly string[] =>
  readdirSync(join(folder, ...parts)).sort();

describe.each(["commands_labels", "commands_regions"])("%s", (scenario) => {
  const expected = (...parts: readonly string[]): string =>
    goldenPath("tools", "selection", scenario, "expected", ...parts);
  const run = (...argv: readonly string[]): Promise<number> => main(argv, testTerminal(folder));

  test("ensemble, postprocess determine and postprocess apply write what nnU-Net's commands write", async () => {
    await cp(goldenPath("tools", "selection", scenario, "in"), folder, { recursive: true });

    expect(await run("ensemble", "-i", "p1", "p2", "-o", "ens", "--save_npz")).toBe(0);
    const cases = namesIn("p1")
      .filter((name) => name.endsWith(".npz"))
      .map((name) => name.slice(0, -4));
    expect(namesIn("ens")).toEqual(
      [...cases.flatMap((name) => [`${name}.nii.gz`, `${name}.npz`, `${name}.pkl`]), "dataset.json"].sort(),
    );
    for (const name of cases) {
      await expectSameSegmentation(join(folder, "ens", `${name}.nii.gz`), expected("ens", `${name}.nii.gz`));
      const { values, shape } = await readNpz(join(folder, "ens", `${name}.npz`), "probabilities");
      const golden = readNpyGz(expected("ens", `${name}_probabilities.npy.gz`));
      expect(shape).toEqual(golden.shape);
      // Sums of two float32 numbers.
      for (const [i, value] of values.entries()) expect(Math.abs(value - golden.data[i]!)).toBeLessThan(1e-6);
    }

    expect(await run("postprocess", "determine", "-i", "p1", "-ref", "gt")).toBe(0);
    expect(namesIn("p1", "postprocessed")).toEqual([
      ...cases.map((name) => `${name}.nii.gz`),
      "summary.json",
    ]);
    expect(await readFile(join(folder, "p1", "postprocessing.json"), "utf8")).toBe(
      await readFile(expected("p1", "postprocessing.json"), "utf8"),
    );

    expect(
      await run("postprocess", "apply", "-i", "p2", "-o", "applied", "-pp_pkl_file", "p1/postprocessing.pkl"),
    ).toBe(0);
    expect(namesIn("applied")).toEqual(cases.map((name) => `${name}.nii.gz`));
    for (const name of namesIn("applied"))
      await expectSameSegmentation(join(folder, "applied", name), expected("applied", name));
  });

  test("postprocess apply does without plans, which an average does not have", async () => {
    await cp(goldenPath("tools", "selection", scenario, "in"), folder, { recursive: true });
    await cp(expected("p1", "postprocessing.json"), join(folder, "p2", "postprocessing.json"));
    await rm(join(folder, "p2", "plans.json"));
    const argv = [
      "postprocess",
      "apply",
      "-i",
      "p2",
      "-o",
      "applied",
      "-pp_pkl_file",
      "p2/postprocessing.json",
    ];
    expect(await run(...argv)).toBe(0);
    for (const name of namesIn("applied"))
      await expectSameSegmentation(join(folder, "applied", name), expected("applied", name));
  });

  test("postprocess without dataset.json says which flag names it", async () => {
    await cp(goldenPath("tools", "selection", scenario, "in"), folder, { recursive: true });
    await rm(join(folder, "p2", "dataset.json"));
    const terminal = testTerminal(folder);
    const argv = ["postprocess", "apply", "-i", "p2", "-o", "applied", "-pp_pkl_file", "x.json"];
    expect(await main(argv, terminal)).toBe(4);
    expect(terminal.printed.err).toContain("--dataset-json names another");
  });

  test("ensemble refuses folders with different cases, as nnU-Net does", async () => {
    await cp(goldenPath("tools", "selection", scenario, "in"), folder, { recursive: true });
    await rm(join(folder, "p2", "c01.npz"));
    const terminal = testTerminal(folder);
    expect(await main(["ensemble", "-i", "p1", "p2", "-o", "ens"], terminal)).toBe(4);
    expect(terminal.printed.err).toMatch(/PROBABILITIES_MISSING.*p2 lacks c01\.npz/s);
  });
});
