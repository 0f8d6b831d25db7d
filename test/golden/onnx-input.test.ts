import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { convertModel } from "../../src/convert/convert-model.js";
import { findOnnxModel } from "../../src/models/find-onnx-model.js";
import { anyModel } from "../../src/models/model-query.js";
import { goldenPath } from "../support/golden.js";
import { testSettings } from "../support/model/convert.js";
import { modelIn } from "../support/model/model-in.js";
import { type PredictChoices, predictWith } from "../support/model/predict.js";
import { singleModel } from "../support/model/single-model.js";
import { needs, testWith } from "../support/needs.js";
import { neverStopped } from "../support/never-stopped.js";

const scratch = mkdtempSync(join(tmpdir(), "onnx-input-"));
const converted = join(scratch, "converted");
/** A folder with plans, dataset and ONNX networks, whose plans name an unknown architecture. */
const own = join(scratch, "own__Plans__2d");

beforeAll(async () => {
  const model = goldenPath("v2", "blobs_2d", "model");
  await convertModel({
    models: singleModel(await modelIn(model)),
    ...{ settings: testSettings, outputDir: converted, progress: silentProgress },
    signal: neverStopped(),
  });
  mkdirSync(own);
  copyFileSync(join(model, "dataset.json"), join(own, "dataset.json"));
  const plans = readFileSync(join(model, "plans.json"), "utf8");
  writeFileSync(join(own, "plans.json"), plans.replaceAll("PlainConvUNet", "MyTransformer"));
  for (const file of ["fold_0.onnx", "fold_0.weights"]) copyFileSync(join(converted, file), join(own, file));
});
afterAll(() => rmSync(scratch, { recursive: true }));

const ownModel = () => findOnnxModel(own, [join(own, "fold_0.onnx")], { ...anyModel, configuration: "2d" });

async function predict(modelDir: string, name: string, choices: PredictChoices = {}): Promise<Buffer> {
  const outputDir = join(scratch, name);
  const { cases } = await predictWith({
    modelDir,
    inputs: [goldenPath("v2", "blobs_2d", "input")],
    outputDir,
    ...choices,
  });
  expect(cases.map(({ error }) => error)).toEqual([undefined]);
  return readFileSync(cases[0]!.outputFile);
}

describe("a model with an ONNX file instead of a checkpoint", () => {
  test("runs by its plans and dataset, whatever architecture the plans name", async () => {
    const outputDir = join(scratch, "own-converted");
    const { files } = await convertModel({
      models: singleModel(await ownModel()),
      ...{ settings: testSettings, outputDir, progress: silentProgress },
      signal: neverStopped(),
    });
    expect(files).toEqual([
      ...["fold_0/fold_0.weights", "fold_0/network.onnx", "plans.json", "dataset.json", "manifest.json"],
    ]);
    expect(await predict(outputDir, "own-out")).toEqual(await predict(converted, "converted-out"));
  });

  testWith([needs.openvino], "runs on OpenVINO if that is asked for", async () => {
    const outputDir = join(scratch, "own-for-openvino");
    await convertModel({
      models: singleModel(await ownModel()),
      ...{ settings: testSettings, outputDir, progress: silentProgress },
      signal: neverStopped(),
    });
    const choices = { inferenceEngine: "openvino" } as const;
    const expected = await predict(converted, "converted-by-openvino", choices);
    expect(await predict(outputDir, "own-by-openvino", choices)).toEqual(expected);
  });

  test.each([
    ["classes", "dataset.json", '"lesion": 2', '"lesion": 2, "vessel": 3', /logits .*require \?×4×/],
    ["patches", "plans.json", /"patch_size": \[\s*\d+/g, '"patch_size": [16', /input .*require \?×1×16×/],
  ] as const)("made for other %s is refused", async (_, name, found, replacement, message) => {
    const file = join(own, name);
    const original = readFileSync(file, "utf8");
    writeFileSync(file, original.replace(found, replacement));
    try {
      const models = singleModel(await ownModel());
      const outputDir = join(scratch, "refused");
      await expect(
        convertModel({
          models,
          settings: testSettings,
          outputDir,
          progress: silentProgress,
          signal: neverStopped(),
        }),
      ).rejects.toMatchObject({ code: "ONNX_MISMATCH", message: expect.stringMatching(message) });
    } finally {
      writeFileSync(file, original);
    }
  });

  test("needs the file, the plans and the dataset", async () => {
    const missing = findOnnxModel(own, [join(own, "missing.onnx")], anyModel);
    await expect(missing).rejects.toMatchObject({ code: "ONNX_NOT_FOUND" });
    const alone = findOnnxModel(scratch, [join(own, "fold_0.onnx")], anyModel);
    await expect(alone).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("has no plans.json"),
    });
  });
});
