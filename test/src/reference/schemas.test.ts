import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { processorManifest } from "../../../processor/contract/manifest.js";
import { checkedOrNull } from "../../../processor/contract/parse-checked.js";
import { targetFile } from "../../../processor/contract/target.js";
import { repositoryRoot } from "../../support/golden.js";

const json = (...path: readonly string[]): Record<string, unknown> =>
  JSON.parse(readFileSync(join(repositoryRoot, ...path), "utf8")) as Record<string, unknown>;

/** A manifest that version 0.1.0 wrote at first: with numbers of threads, and without the GPU's graph. */
const olderManifest = () => json("test", "fixtures", "manifest-0.1.0.json");

describe("manifest.schema.json", () => {
  const isManifest = new Ajv2020().compile(json("docs", "reference", "manifest.schema.json"));

  test("accepts what the program accepts, also from older versions", () => {
    expect(isManifest(olderManifest())).toBe(true);
    const found = checkedOrNull(olderManifest(), processorManifest);
    expect(found?.models[0]).toMatchObject({ gpuOnnxFile: null, previousStage: { model: null } });
    expect(found?.models[0]?.network.maximumBatch).toBeNull();
    expect(found?.models[0]?.plan.normalization[0]?.intensity?.mean).toBeNaN();
  });

  test.each([
    ["another version", { manifestVersion: 2 }],
    ["no model", { models: [] }],
    ["settings that are missing", { settings: {} }],
  ])("refuses what the program refuses: %s", (_, change) => {
    const manifest = { ...olderManifest(), ...change };
    expect(isManifest(manifest)).toBe(false);
    expect(checkedOrNull(manifest, processorManifest)).toBeNull();
  });
});

describe("target.schema.json", () => {
  const isTargetFile = new Ajv2020().compile(json("docs", "reference", "target.schema.json"));
  const algorithm = { kind: "grand-challenge", apiMethod: "exec", inputSockets: null, outputSocket: "s" };

  test.each([
    ["a platform without fields", { kind: "sol" }, true],
    ["an algorithm", { ...algorithm, jsonOutputs: [] }, true],
    ["an algorithm without its list", algorithm, false],
    ["an unknown platform", { kind: "x" }, false],
  ])("agrees with the program on %s", (_, target, isValid) => {
    const file = { targetVersion: 1, target };
    expect(isTargetFile(file)).toBe(isValid);
    expect(checkedOrNull(file, targetFile) !== null).toBe(isValid);
  });
});
