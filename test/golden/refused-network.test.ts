import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { InferenceEngineChoice } from "../../processor/contract/run-settings.js";
import { withGoldenCase } from "../support/model/golden-case.js";
import { predictWith } from "../support/model/predict.js";
import { needs, testWith } from "../support/needs.js";

/** Runs a model whose network for OpenVINO is damaged. */
const run = (inferenceEngine: InferenceEngineChoice) =>
  withGoldenCase("mr_regions_resenc_3d", async ({ folder, inputDir }) => {
    writeFileSync(join(folder, "fold_0.plain.onnx"), "no network");
    return predictWith({
      ...{ modelDir: folder, inputs: [inputDir], outputDir: join(folder, "out"), inferenceEngine },
      useTestTimeAugmentation: false,
    });
  });

testWith(
  [needs.openvino],
  "a network that OpenVINO refuses is run by ONNX Runtime under auto, and the report says why",
  async () => {
    const { cases, inferenceEngine, engineNote } = await run("auto");
    expect(cases).toMatchObject([{ status: "done", executionProvider: "CPUExecutionProvider" }]);
    expect(inferenceEngine).toMatch(/^ONNX Runtime /);
    expect(engineNote).toMatch(/^OpenVINO does not run the network, so ONNX Runtime does: ./);
  },
);

testWith([needs.openvino], "a network that OpenVINO refuses ends a run that asks for OpenVINO", async () => {
  await expect(run("openvino")).rejects.toMatchObject({ code: "INFERENCE_ENGINE_UNFIT" });
});
