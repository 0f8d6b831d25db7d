import { readdirSync, readFileSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { main } from "../../src/cli/main.js";
import { readNpz } from "../../src/nnunet/files/read-npz.js";
import { filesBelow } from "../support/files-below.js";
import { goldenPath, readNpyGz } from "../support/golden.js";
import { testTerminal } from "../support/programs/test-terminal.js";
import { expectSameSegmentation } from "../support/same-segmentation.js";

interface Run {
  readonly argv: readonly string[];
  readonly tree: readonly string[];
}

const scenarios = readdirSync(goldenPath("tools", "selection-v1"));
const expectedOf = (scenario: string, ...parts: readonly string[]): string =>
  goldenPath("tools", "selection-v1", scenario, "expected", ...parts);
const runOf = (scenario: string): Run =>
  JSON.parse(readFileSync(expectedOf(scenario, "run.json"), "utf8")) as Run;

const ensembleWins = "EnsembleWins";
const model = "nnUNetTrainerV2__nnUNetPlansv2.1";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "selection-v1-"));
});
afterEach(() => rm(folder, { recursive: true }));

const results = (...parts: readonly string[]): string => join(folder, "RESULTS_FOLDER", "nnUNet", ...parts);

async function run(scenario: string, ...argv: readonly string[]): Promise<number> {
  await cp(goldenPath("tools", "selection-v1", scenario, "in"), folder, { recursive: true });
  const environment = {
    RESULTS_FOLDER: join(folder, "RESULTS_FOLDER"),
    nnUNet_preprocessed: join(folder, "nnUNet_preprocessed"),
  };
  return main(argv, { ...testTerminal(folder), environment });
}

/** Time and number of a summary differ in every run, and paths by where it ran. */
const comparable = (text: string): string =>
  text
    .replaceAll(results(), "BASE/res/nnUNet")
    .replaceAll(join(folder, "nnUNet_preprocessed"), "BASE/pre")
    .replace(/"(id|timestamp)": "[^"]*"/g, '"$1": ""');

const argvOf = ({ argv }: Run): readonly string[] => {
  const words = argv.slice(1).filter((word) => word !== "-t");
  return ["find-best", "--nnunet", "v1", ...words];
};

describe.each(scenarios)("%s", (scenario) => {
  test("find-best finds what v1's nnUNet_find_best_configuration finds, and writes the same files", async () => {
    expect(await run(scenario, ...argvOf(runOf(scenario)))).toBe(0);
    const expected = expectedOf(scenario);
    const compared = filesBelow(expected).filter(
      (name) => !/^(?:run|other_commands)\.json$|^ensemble_command\//.test(name),
    );
    for (const name of compared)
      if (name.endsWith(".nii.gz")) await expectSameSegmentation(results(name), join(expected, name));
      else
        expect(comparable(await readFile(results(name), "utf8")), name).toBe(
          comparable(await readFile(join(expected, name), "utf8")),
        );
    expect(compared.length).toBeGreaterThan(4);
    // The golden inputs lack probabilities that no step needs.
    const isCompared = (name: string): boolean => !/\/validation_raw\/.*\.(?:npz|pkl)$/.test(name);
    expect(filesBelow(results()).filter(isCompared).toSorted()).toEqual(
      runOf(scenario).tree.filter(isCompared).toSorted(),
    );
  });
});

test("find-best says which post-processing v1's best model gets", async () => {
  await cp(goldenPath("tools", "selection-v1", ensembleWins, "in"), folder, { recursive: true });
  const environment = {
    RESULTS_FOLDER: join(folder, "RESULTS_FOLDER"),
    nnUNet_preprocessed: join(folder, "nnUNet_preprocessed"),
  };
  const terminal = { ...testTerminal(folder), environment };
  expect(await main(argvOf(runOf(ensembleWins)), terminal)).toBe(0);
  expect(terminal.printed.out).toMatch(
    /^2d \+ 3d_fullres: (?:keep only the largest component of labels? |no post-processing helps)/m,
  );
});

test("find-best asks for the other folds if cases have no prediction, as v1 does", async () => {
  await cp(goldenPath("tools", "selection-v1", ensembleWins, "in"), folder, { recursive: true });
  const environment = {
    RESULTS_FOLDER: join(folder, "RESULTS_FOLDER"),
    nnUNet_preprocessed: join(folder, "nnUNet_preprocessed"),
  };
  const terminal = { ...testTerminal(folder), environment };
  expect(await main([...argvOf(runOf(ensembleWins)), "-f", "0"], terminal)).toBe(3);
  expect(terminal.printed.err).toContain("so train the other folds, too");
});

test("the config.json of find-best builds an image of v1's best average with its post-processing", async () => {
  for (const configuration of ["2d", "3d_fullres"]) {
    const trained = goldenPath("v1", `blobs_${configuration}`, "model", "fold_0");
    for (const fold of [0, 1, 2, 3, 4])
      for (const name of ["model_final_checkpoint.model", "model_final_checkpoint.model.pkl"])
        await cp(
          join(trained, name),
          results(configuration, "Task601_EnsembleWins", model, `fold_${fold}`, name),
        );
  }
  const argv = argvOf(runOf(ensembleWins));
  expect(await run(ensembleWins, ...argv, "--write-config", "image/config.json")).toBe(0);
  const configFile = join(folder, "image", "config.json");
  const config = JSON.parse(await readFile(configFile, "utf8")) as object;
  await writeFile(configFile, JSON.stringify({ ...config, folds: [0, 1] }));
  const build = ["--config-file", configFile, "--context-only", "--build-dir", "context"];
  const terminal = testTerminal(folder);
  expect(await main(build, terminal), terminal.printed.err).toBe(0);
  const manifest = JSON.parse(
    await readFile(
      join(folder, "context", "manifest", "opt", "nnunet-processor", "model", "manifest.json"),
      "utf8",
    ),
  ) as { readonly models: readonly object[]; readonly postProcessing: readonly object[] };
  expect(manifest.models).toHaveLength(2);
  expect(manifest.postProcessing).toEqual([
    { labels: [1, 2], connectivity: 6, minimumMm3: null },
    { labels: [2], connectivity: 6, minimumMm3: null },
  ]);
});

interface OtherCommands {
  readonly determine_postprocessing: { readonly postprocessing_json: string };
}

test("postprocess determine writes the postprocessing.json of v1's nnUNet_determine_postprocessing", async () => {
  const folderOfModel = results("2d", "Task601_EnsembleWins", model);
  expect(await run(ensembleWins, "postprocess", "determine", "--nnunet", "v1", "-i", folderOfModel)).toBe(0);
  const golden = JSON.parse(
    readFileSync(expectedOf(ensembleWins, "other_commands.json"), "utf8"),
  ) as OtherCommands;
  expect(await readFile(join(folderOfModel, "postprocessing.json"), "utf8")).toBe(
    golden.determine_postprocessing.postprocessing_json,
  );
});

test("postprocess apply with v1's postprocessing.json gives v1's segmentations", async () => {
  const raw = results("2d", "Task601_EnsembleWins", model, "fold_0", "validation_raw");
  const file = expectedOf(ensembleWins, "2d", "Task601_EnsembleWins", model, "postprocessing.json");
  const argv = ["postprocess", "apply", "--nnunet", "v1", "-i", raw, "-o", "out", "--post-processing", file];
  expect(await run(ensembleWins, ...argv)).toBe(0);
  const name = "c00.nii.gz";
  const expected = expectedOf(
    ensembleWins,
    "2d",
    "Task601_EnsembleWins",
    model,
    "cv_niftis_postprocessed",
    name,
  );
  await expectSameSegmentation(join(folder, "out", name), expected);
  expect(readdirSync(join(folder, "out")).sort()).toEqual(["c00.nii.gz", "c05.nii.gz"]);
});

test("ensemble averages probabilities in float16, as v1's nnUNet_ensemble does", async () => {
  const folders = ["2d", "3d_fullres"].map((configuration) =>
    results(configuration, "Task601_EnsembleWins", model, "fold_0", "validation_raw"),
  );
  expect(await run(ensembleWins, "ensemble", "--nnunet", "v1", "-f", ...folders, "-o", "out", "--npz")).toBe(
    0,
  );
  expect(readdirSync(join(folder, "out")).sort()).toEqual(
    ["c00", "c05"].flatMap((name) => [`${name}.nii.gz`, `${name}.npz`, `${name}.pkl`]),
  );
  for (const name of ["c00", "c05"]) {
    const golden = expectedOf(ensembleWins, "ensemble_command", `${name}.nii.gz`);
    await expectSameSegmentation(join(folder, "out", basename(golden)), golden);
    const { values, shape, type } = await readNpz(join(folder, "out", `${name}.npz`), "softmax");
    const softmax = readNpyGz(expectedOf(ensembleWins, "ensemble_command", `${name}_softmax.npy.gz`));
    expect(type).toBe("f2");
    expect(shape).toEqual(softmax.shape);
    expect([...values]).toEqual([...softmax.data]);
  }
});
