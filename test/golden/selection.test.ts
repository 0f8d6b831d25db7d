import { readdirSync, readFileSync } from "node:fs";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { readPostProcessing } from "../../src/checkpoint/post-processing/read-post-processing.js";
import { nnunetFolders } from "../../src/nnunet/folders.js";
import type { BestModel } from "../../src/nnunet/selection/best-model.js";
import { findBest } from "../../src/nnunet/selection/find-best.js";
import { filesBelow } from "../support/files-below.js";
import { goldenPath } from "../support/golden.js";
import { expectSameSegmentation } from "../support/same-segmentation.js";
import { valuesOf } from "../support/values-of.js";

interface Run {
  readonly argv: readonly string[];
  readonly error: { readonly type: string; readonly message: string } | null;
}

const scenarios = readdirSync(goldenPath("tools", "selection")).filter(
  (name) => !name.startsWith("commands"),
);
const runOf = (scenario: string): Run =>
  JSON.parse(readFileSync(goldenPath("tools", "selection", scenario, "expected", "run.json"), "utf8")) as Run;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "selection-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function run(
  scenario: string,
  changes: { readonly overwrite?: boolean; readonly allowsEnsembles?: boolean } = {},
): Promise<BestModel> {
  const { argv } = runOf(scenario);
  await cp(goldenPath("tools", "selection", scenario, "in"), folder, { recursive: true });
  const raw = join(folder, "nnUNet_raw");
  await cp(join(folder, "nnUNet_preprocessed"), raw, { recursive: true });
  for (const dataset of readdirSync(raw))
    await cp(join(raw, dataset, "gt_segmentations"), join(raw, dataset, "labelsTr"), { recursive: true });
  const environment = {
    nnUNet_raw: raw,
    nnUNet_preprocessed: join(folder, "nnUNet_preprocessed"),
    nnUNet_results: join(folder, "nnUNet_results"),
  };
  return findBest({
    dataset: argv[1]!,
    folders: nnunetFolders({ environment, currentDirectory: folder }, 2),
    trainers: ["nnUNetTrainer"],
    plans: ["nnUNetPlans"],
    configurations: valuesOf(argv, "-c"),
    folds: valuesOf(argv, "-f").map(Number),
    allowsEnsembles: !argv.includes("--disable_ensembling"),
    overwrite: true,
    // What nnUNet_def_n_proc was when the golden files were made.
    processes: 1,
    progress: silentProgress,
    signal: new AbortController().signal,
    ...changes,
  });
}

const withoutPlaces = (text: string): string =>
  text
    .replaceAll(join(folder, "nnUNet_results"), "RES")
    .replaceAll(join(folder, "nnUNet_preprocessed"), "PRE")
    .replaceAll(join(folder, "nnUNet_raw"), "RAW");

const isMade = (scenario: string, datasetName: string): ((name: string) => boolean) => {
  const before = new Set(
    filesBelow(goldenPath("tools", "selection", scenario, "in", "nnUNet_results", datasetName)),
  );
  // The golden inputs lack probabilities that no step needs.
  return (name) => !before.has(name) && !/\/validation\/.*\.(?:npz|pkl)$/.test(name);
};

const filesMadeIn = (scenario: string, datasetName: string): readonly string[] =>
  filesBelow(join(folder, "nnUNet_results", datasetName))
    .filter(isMade(scenario, datasetName))
    .toSorted();

function filesMadeByNnunet(scenario: string, datasetName: string): readonly string[] {
  const tree = readFileSync(goldenPath("tools", "selection", scenario, "expected", "tree.json"), "utf8");
  return (JSON.parse(tree) as readonly string[]).filter(isMade(scenario, datasetName)).toSorted();
}

describe.each(scenarios.filter((name) => runOf(name).error === null))("%s", (scenario) => {
  test("finds the model and the post-processing that nnU-Net finds, and writes the same files", async () => {
    const { datasetName, postProcessingFile } = await run(scenario);
    const results = join(folder, "nnUNet_results", datasetName);
    const expected = goldenPath("tools", "selection", scenario, "expected");
    const compared = filesBelow(expected).filter((name) => !/^run\.json|^tree\.json|facts\.json$/.test(name));
    for (const name of compared) {
      if (name.endsWith(".nii.gz")) await expectSameSegmentation(join(results, name), join(expected, name));
      else if (!name.endsWith(".pkl"))
        expect(withoutPlaces(await readFile(join(results, name), "utf8")), name).toBe(
          await readFile(join(expected, name), "utf8"),
        );
    }
    expect(compared.length).toBeGreaterThan(5);
    expect(filesMadeIn(scenario, datasetName)).toEqual(filesMadeByNnunet(scenario, datasetName));
    const labels = { names: [], foregroundLabels: [], regionsClassOrder: null, ignoreLabel: null };
    expect(await readPostProcessing(postProcessingFile, labels)).toEqual(
      await readPostProcessing(postProcessingFile.replace(/pkl$/, "json"), labels),
    );
  });
});

/** The codes for what stops nnU-Net. */
const codes: Readonly<Record<string, string>> = {
  DuplicateCase: "CASE_TWICE",
  MissingFold: "FOLD_MISSING",
  MissingModel: "MODEL_NOT_FOUND",
  NoNpz: "PROBABILITIES_MISSING",
};

test.each(scenarios.filter((name) => runOf(name).error !== null))(
  "refuses %s, as nnU-Net does",
  async (name) => {
    await expect(run(name)).rejects.toMatchObject({ code: codes[name] });
  },
);

test("takes a case of two folds from the first one if it keeps existing files, as nnU-Net with --no_overwrite", async () => {
  const { candidates } = await run("DuplicateCase", { overwrite: false, allowsEnsembles: false });
  const collected = candidates[0]!.folder;
  const twice = readdirSync(join(collected, "..", "fold_0", "validation")).filter(
    (name) =>
      name.endsWith(".nii.gz") && readdirSync(join(collected, "..", "fold_1", "validation")).includes(name),
  );
  expect(twice).toHaveLength(1);
  for (const name of twice)
    expect(readFileSync(join(collected, name))).toEqual(
      readFileSync(join(collected, "..", "fold_0", "validation", name)),
    );
});
