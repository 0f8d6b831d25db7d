import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { LabelDefinition } from "../../../../processor/contract/manifest.js";
import { mapNonEmpty, type NonEmpty } from "../../../../processor/contract/non-empty.js";
import type { TrainedModel } from "../../../../src/checkpoint/network/trained-model.js";
import {
  findEnsemblePostProcessing,
  findPostProcessing,
} from "../../../../src/checkpoint/post-processing/find-post-processing.js";
import { parsePythonDict } from "../../../../src/checkpoint/post-processing/python-literal.js";
import { readPostProcessing } from "../../../../src/checkpoint/post-processing/read-post-processing.js";
import { repositoryRoot } from "../../../support/golden.js";

const fixtures = join(repositoryRoot, "test", "fixtures", "ensembles");
const scratch = mkdtempSync(join(tmpdir(), "post-processing-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const labels: LabelDefinition = {
  ...{ names: [], foregroundLabels: [1, 2, 3], regionsClassOrder: null, ignoreLabel: null },
};

let files = 0;
const written = (json: unknown): string => {
  const file = join(scratch, `${files++}.json`);
  writeFileSync(file, JSON.stringify(json));
  return file;
};

describe("post-processing files", () => {
  test.each(["nope.json", "nope.pkl"])("that are missing are reported: %s", async (name) => {
    const file = join(scratch, name);
    await expect(readPostProcessing(file, labels)).rejects.toMatchObject({
      ...{ code: "MODEL_FILE_INVALID", message: expect.stringContaining(`${file} does not exist`) },
    });
  });

  test("have the same meaning as JSON and as pickle in v2", async () => {
    const steps = [
      { labels: [1, 2], connectivity: 26, minimumMm3: null },
      { labels: [2, 3], connectivity: 26, minimumMm3: null },
    ];
    expect(await readPostProcessing(join(fixtures, "postprocessing_v2.json"), labels)).toEqual(steps);
    expect(await readPostProcessing(join(fixtures, "postprocessing.pkl"), labels)).toEqual(steps);
  });

  test("of v1 name combined classes and the minimum sizes of their parts", async () => {
    expect(await readPostProcessing(join(fixtures, "postprocessing_v1.json"), labels)).toEqual([
      { labels: [1, 2], connectivity: 6, minimumMm3: 300.5 },
      { labels: [1], connectivity: 6, minimumMm3: 12 },
    ]);
  });

  test("mean every class in v1 if they name none", async () => {
    const file = written({ for_which_classes: null, min_valid_object_sizes: "None" });
    const steps = await readPostProcessing(file, labels);
    expect(steps.map((step) => step.labels)).toEqual([[1], [2], [3]]);
  });

  test.each<[string, unknown, string]>([
    [
      "an unknown function",
      { postprocessing_fns: ["fill"], postprocessing_kwargs: [{}] },
      "PLANS_UNSUPPORTED",
    ],
    [
      "another background",
      {
        postprocessing_fns: ["remove_all_but_largest_component_from_segmentation"],
        postprocessing_kwargs: [{ labels_or_regions: [1], background_label: 3 }],
      },
      "PLANS_UNSUPPORTED",
    ],
    ["neither version's keys", { classes: [1] }, "MODEL_FILE_INVALID"],
    [
      "a size missing for a class",
      { for_which_classes: [1, 2], min_valid_object_sizes: "{1: 5}" },
      "MODEL_FILE_INVALID",
    ],
    [
      "code instead of sizes",
      { for_which_classes: [1], min_valid_object_sizes: "{1: __import__('os')}" },
      "MODEL_FILE_INVALID",
    ],
  ])("with %s are refused", async (_, json, code) => {
    await expect(readPostProcessing(written(json), labels)).rejects.toMatchObject({ code });
  });
});

test.each(["none.json", "none.pkl"])("the error for a missing %s contains its name", async (name) => {
  const missing = readPostProcessing(join(scratch, name), labels);
  await expect(missing).rejects.toMatchObject({
    code: "MODEL_FILE_INVALID",
    message: expect.stringContaining(name),
  });
});

test("a Python dictionary is read with numbers and tuples as keys", () => {
  expect(parsePythonDict("None", "")).toBeNull();
  expect(parsePythonDict("{}", "")).toEqual(new Map());
  expect(parsePythonDict("{1: 500.0, (1, 2): 3e2, (4,): 7}", "")).toEqual(
    new Map([
      ["1", 500],
      ["1,2", 300],
      ["4", 7],
    ]),
  );
});

describe("the post-processing of a model is found", () => {
  const model = (nnunetVersion: 1 | 2, folder: string, folds: NonEmpty<string>, configuration = "2d") =>
    ({
      ...{ folder: join(scratch, folder), nnunetVersion, configuration, task: { id: 1, name: "T" } },
      ...{
        datasetName: "T",
        checkpointName: "c",
        leftOut: [],
        nvidia: null,
        networkFormat: "checkpoint",
        tree: null,
        folds: mapNonEmpty(folds, (fold) => ({ fold, checkpointFile: "", range: null })),
      },
    }) satisfies TrainedModel;
  const place = (folder: string, name: string): string => {
    mkdirSync(join(scratch, folder), { recursive: true });
    writeFileSync(join(scratch, folder, name), "{}");
    return join(scratch, folder, name);
  };

  test("next to the cross-validation of the folds in use, otherwise of the most folds", async () => {
    const all = place("a/t__p__2d/crossval_results_folds_0_1_2_3_4", "postprocessing.pkl");
    const some = place("a/t__p__2d/crossval_results_folds_0_1", "postprocessing.json");
    expect(await findPostProcessing(model(2, "a/t__p__2d", ["0", "1"]))).toBe(some);
    expect(await findPostProcessing(model(2, "a/t__p__2d", ["0"]))).toBe(all);
  });

  test("in the model folder of v1, but not in its folds", async () => {
    place("b/fold_0", "postprocessing.json");
    expect(await findPostProcessing(model(1, "b", ["0"]))).toBeNull();
    const own = place("b", "postprocessing.json");
    expect(await findPostProcessing(model(1, "b", ["0"]))).toBe(own);
  });

  test("for an ensemble, whatever the order of its members", async () => {
    const v2 = place("D/ensembles/ensemble___t__p__3d_fullres___t__p__2d___0_1", "postprocessing.json");
    const members = [model(2, "D/t__p__2d", ["0"]), model(2, "D/t__p__3d_fullres", ["0"])] as const;
    expect(await findEnsemblePostProcessing(members)).toBe(v2);
    expect(await findEnsemblePostProcessing([members[0], members[0]])).toBeNull();
    const v1 = place("R/ensembles/Task001_T/ensemble_2d__t__p--3d_lowres__t__p", "postprocessing.json");
    const older = [
      model(1, "R/3d_lowres/Task001_T/t__p", ["0"], "3d_lowres"),
      model(1, "R/2d/Task001_T/t__p", ["0"]),
    ] as const;
    expect(await findEnsemblePostProcessing(older)).toBe(v1);
  });
});
