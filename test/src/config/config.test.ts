import { describe, expect, test } from "vitest";
import { completeConfig } from "../../../src/config/config.js";
import { checkConfig, readConfigSchema } from "../../../src/config/load-config.js";

describe("what config.json leaves out", () => {
  test("has the original's defaults", () => {
    expect(completeConfig({}).settings).toMatchObject({
      ...{ useTestTimeAugmentation: false, stepSize: 0.5, inputDir: "/input", outputDir: "/output" },
      ...{
        overlayDestination: "images",
        allowedExtensions: ["mha"],
        writeJson: false,
        overwriteOutput: true,
      },
      ...{ numThreadsPreprocessing: 1, numThreadsNiftiSave: 1, device: "auto" },
    });
  });

  test("agrees with the defaults that the schema tells", async () => {
    const { properties } = await readConfigSchema();
    const defaults = Object.fromEntries(
      Object.entries(properties).flatMap(([key, rule]) =>
        rule["default"] === undefined ? [] : [[key, rule["default"]]],
      ),
    );
    expect(completeConfig(defaults)).toEqual(completeConfig({}));
  });
});

test("use_overlap false is a step of a whole patch, unless step_size says otherwise", () => {
  expect(completeConfig({ use_overlap: false }).settings.stepSize).toBe(1);
  expect(completeConfig({ use_overlap: false, step_size: 0.7 }).settings.stepSize).toBe(0.7);
});

test("folds null and an empty list mean all", () => {
  expect(completeConfig({ folds: null }).folds).toEqual([]);
  expect(completeConfig({ folds: [0, "all"] }).folds).toEqual(["0", "all"]);
});

describe("two names for one thing", () => {
  test.each([
    {
      json: { use_tta: true, use_test_time_augmentations: false },
      says: "another name of use_test_time_augmentations",
    },
    { json: { model: "2d", configuration: "own" }, says: "takes the place of model" },
  ])("$says", async ({ json, says }) => {
    const schema = await readConfigSchema();
    expect(() => checkConfig(json, { path: "config.json", schema })).toThrow(says);
  });
});
