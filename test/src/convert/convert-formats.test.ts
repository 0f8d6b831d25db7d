import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readImage } from "../../../processor/imaging/formats/read-image.js";
import { main } from "../../../src/cli/main.js";
import { goldenPath } from "../../support/golden.js";
import { predictWith } from "../../support/model/predict.js";
import { type TestTerminal, testTerminal } from "../../support/programs/test-terminal.js";

let scratch: string;
let terminal: TestTerminal;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "formats-"));
  terminal = testTerminal(scratch);
});
afterEach(() => rmSync(scratch, { recursive: true }));

const blobs = goldenPath("v2", "blobs_3d_fullres");
const out = () => join(scratch, "out");
const convert = (...flags: readonly string[]) =>
  main(["convert", "--model-dir", join(blobs, "model"), "--output", "out", ...flags], terminal);
const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .sort();

test("convert says what each network is for, its versions, inputs and outputs", async () => {
  expect(await convert()).toBe(0);
  expect(terminal.printed.out).toMatch(
    /^fold_0\.onnx +fold 0, rewritten for ONNX Runtime on CPUs \(opset 20, IR version 9\)$/m,
  );
  expect(terminal.printed.out).toMatch(/^network\.gpu\.onnx +folds 0, 1, .*GPUs.*float16/m);
  expect(terminal.printed.out).toMatch(/^ +input: input \(float32 batch×1×\d+×\d+×\d+\)$/m);
});

test("convert --json describes every network", async () => {
  expect(await convert("--json", "--format", "onnx")).toBe(0);
  const { networks } = JSON.parse(terminal.printed.out) as { readonly networks: readonly unknown[] };
  const [channels, heads] = [1, 3];
  const patch = JSON.parse(readFileSync(join(out(), "manifest.json"), "utf8")).models[0].plan.patchSize;
  expect(networks[1]).toEqual({
    file: "fold_1.onnx",
    form: "plain",
    configuration: "3d_fullres",
    folds: ["1"],
    weightsFiles: ["fold_1.weights"],
    irVersion: 8,
    opset: 17,
    inputs: [{ name: "input", elementType: "float32", shape: ["batch", channels, ...patch] }],
    outputs: [{ name: "logits", elementType: "float32", shape: ["batch", heads, ...patch] }],
  });
});

test("--format onnx writes only plain networks and what describes them", async () => {
  expect(await convert("--format", "onnx")).toBe(0);
  const networks = ["fold_0.onnx", "fold_0.weights", "fold_1.onnx", "fold_1.weights"];
  expect(filesIn(out())).toEqual(["dataset.json", ...networks, "manifest.json", "plans.json"]);
});

describe("--format triton", () => {
  const name = "Dataset501_Blobs-3d_fullres";

  test("writes one model for each fold, their mean, and an ensemble of them", async () => {
    expect(await convert("--format", "triton")).toBe(0);
    expect(filesIn(out())).toEqual(
      [
        ...[`${name}/1/.keep`, `${name}/config.pbtxt`, `${name}/labels.txt`],
        ...[`${name}-fold_0/1/model.onnx`, `${name}-fold_0/1/model.weights`, `${name}-fold_0/config.pbtxt`],
        ...[`${name}-fold_1/1/model.onnx`, `${name}-fold_1/1/model.weights`, `${name}-fold_1/config.pbtxt`],
        ...[`${name}-mean/1/model.onnx`, `${name}-mean/config.pbtxt`],
        ...["dataset.json", "manifest.json", "plans.json"],
      ].sort(),
    );
  });

  test("writes one model for one fold", async () => {
    expect(await convert("--format", "triton", "--folds", "1")).toBe(0);
    const model = [`${name}/1/model.onnx`, `${name}/1/model.weights`];
    const texts = [`${name}/config.pbtxt`, `${name}/labels.txt`];
    expect(filesIn(out())).toEqual([...model, ...texts, "dataset.json", "manifest.json", "plans.json"]);
  });

  test("replaces its own models with --overwrite, but never a repository with another model", async () => {
    expect(await convert("--format", "triton")).toBe(0);
    expect(await convert("--format", "triton", "--overwrite")).toBe(0);
    mkdirSync(join(out(), "other", "1"), { recursive: true });
    writeFileSync(join(out(), "other", "config.pbtxt"), "");
    expect(await convert("--format", "triton", "--overwrite")).not.toBe(0);
    expect(terminal.printed.err).toContain("other/config.pbtxt, which no conversion wrote");
    expect(filesIn(out())).toContain("other/config.pbtxt");
  });
});

test.each(["onnx", "triton"])("a folder of --format %s segments as the model does", async (format) => {
  expect(await convert("--format", format)).toBe(0);
  const outputDir = join(scratch, "segmentations");
  const inputs = [join(blobs, "input")];
  await predictWith({ modelDir: out(), inputs, outputDir, folds: ["0"], useTestTimeAugmentation: false });
  const [caseName] = readdirSync(join(blobs, "expected"));
  const found = await readImage(join(outputDir, `${caseName}.nii.gz`));
  const expected = await readImage(join(blobs, "expected", caseName!, "seg.nii.gz"));
  const different = [...found.voxels].filter((label, i) => label !== expected.voxels[i]);
  expect(different.length).toBeLessThanOrEqual(2);
});
