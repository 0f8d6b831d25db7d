import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { completeConfig } from "../../../src/config/config.js";
import { checkConfig, loadConfig } from "../../../src/config/load-config.js";
import { configSchema } from "../../../src/config/schema/config-schema.js";
import { packageRoot } from "../../../src/ground/files/package-root.js";

describe("what config.json leaves out", () => {
  test("has the defaults of build_processor.py", () => {
    expect(completeConfig({}).settings).toMatchObject({
      ...{ useTestTimeAugmentation: false, stepSize: 0.5, inputDir: "/input", outputDir: "/output" },
      ...{
        overlayDestination: "images",
        allowedExtensions: ["mha"],
        writeJson: false,
        overwriteOutput: true,
      },
      device: "auto",
      precision: "auto",
    });
  });

  test("agrees with the defaults of the schema", async () => {
    const { properties } = configSchema;
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

describe("names that contradict each other or are misspelt", () => {
  test.each([
    {
      json: { use_tta: true, use_test_time_augmentations: false },
      says: "another name of use_test_time_augmentations",
    },
    { json: { model: "3d_fulres" }, says: "did you mean 3d_fullres?" },
    {
      json: { ensemble: ["2d", "3d_fullres", "2d"] },
      says: "/ensemble/2: names the same model as /ensemble/0",
    },
    {
      json: { ensemble: ["2d", { configuration: "2d" }] },
      says: "/ensemble/1: names the same model as /ensemble/0",
    },
    { json: { model: "2d", configuration: "own" }, says: "model names a configuration already" },
  ])("$says", async ({ json, says }) => {
    expect(() => checkConfig(json, { path: "config.json" })).toThrow(says);
  });
});

test("a config with very many faults shows the first ones and their number", async () => {
  const text = `{"folds": [${Array(100_000).fill('"x"')}]}`;
  const options = { path: "config.json", text };
  const attempt = () => checkConfig(JSON.parse(text), options);
  expect(attempt).toThrow(/has 100001 faults:\n {2}config.json:1:12 \/folds\/0: /);
  expect(attempt).toThrow(/\n {2}and 99951 more$/);
});

describe("model", () => {
  const load = async (config: object) => {
    const folder = mkdtempSync(join(tmpdir(), "config-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "config.json");
    writeFileSync(file, JSON.stringify(config));
    return { file, config: await loadConfig(file) };
  };

  test("is a path relative to the folder of the config", async () => {
    const { file, config } = await load({ model: "../results/Dataset004_Liver", configuration: "2d" });
    expect(config.modelSource).toBe(join(dirname(dirname(file)), "results", "Dataset004_Liver"));
    expect(config.configuration).toBe("2d");
  });

  test.each(["https://example.org/a.zip", "zenodo:4003545/Task003_Liver.zip", "/models/a"])(
    "may also be %s",
    async (model) => {
      expect((await load({ model })).config.modelSource).toBe(model);
    },
  );

  test("names a configuration in older files", async () => {
    expect((await load({ model: "3d_fullres" })).config).toMatchObject({
      configuration: "3d_fullres",
      modelSource: null,
    });
  });
});

test("every pattern of the schema says in words what it allows", () => {
  const text = readFileSync(join(packageRoot, "config.schema.json"), "utf8");
  expect(text.match(/"\$comment"/g)).toHaveLength(text.match(/"pattern"/g)!.length);
});

test("a path that leaves the output folder, and a missing key, are named without a regular expression", async () => {
  const json = { overlay_destination: "../x", grand_challenge: {} };
  expect(() => checkConfig(json, { path: "config.json" })).toThrow(
    /"\.\.\/x", allowed: a path below the output folder, without \.\.[\s\S]*grand_challenge: output is missing/,
  );
});
