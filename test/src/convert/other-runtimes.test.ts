import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import type { ConvertFormat } from "../../../src/convert/convert-format.js";
import { type ConvertedModel, convertModel } from "../../../src/convert/convert-model.js";
import { goldenPath, repositoryRoot } from "../../support/golden.js";
import { testSettings } from "../../support/model/convert.js";
import { modelIn } from "../../support/model/model-in.js";
import { syntheticWindow } from "../../support/model/network-window.js";
import { singleModel } from "../../support/model/single-model.js";
import { describeWith, needs } from "../../support/needs.js";
import { outputOf } from "../../support/program-on-path.js";

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "runtimes-"));
});
afterEach(() => rmSync(scratch, { recursive: true }));

const models = [
  goldenPath("v2", "blobs_3d_fullres", "model"),
  goldenPath("v2", "mr_regions_resenc_3d", "model"),
  goldenPath("v2", "blobs_2d", "model"),
  goldenPath("v1", "mr_3d_fullres", "model"),
];
const titled = models.map((modelDir) => [modelDir.split("/").slice(-3, -1).join(" "), modelDir] as const);

describeWith([needs.onnxPrograms], "ONNX's own checker, ONNX Runtime and OpenVINO take", () => {
  test.each(titled)("the plain networks of %s, and compute what a processor does", async (_, modelDir) => {
    const expected = await foldLogits(await convertTo("processor", modelDir));
    const plain = await convertTo("onnx", modelDir);
    const { report, answer } = await checked(plain);
    expect(report.files).toEqual(plain.networks.map(({ file }) => ({ file, opset: 17, irVersion: 8 })));
    for (const [fold, logits] of expected.entries()) {
      for (const runtime of runtimes) expectClose(answer(`fold_${fold}.onnx`, runtime), logits);
    }
  });

  test.each(titled)(
    "the Triton repository of %s, whose answer is the mean of the folds",
    async (_, modelDir) => {
      const isV1 = modelDir.includes(join("golden", "v1"));
      const folds = await foldLogits(await convertTo("processor", modelDir));
      const { report, answer } = await checked(await convertTo("triton", modelDir));
      expect(report.models).toHaveLength(1);
      const expected = folds[0]!.map(
        (_, i) => folds.reduce((sum, logits) => sum + logits[i]!, 0) / folds.length,
      );
      if (isV1) expect(folds).toHaveLength(1);
      for (const runtime of runtimes) expectClose(answer(report.models[0]!, runtime), expected);
    },
  );
});

const runtimes = ["onnxruntime", "openvino"] as const;

async function convertTo(format: ConvertFormat, modelDir: string): Promise<ConvertedModel> {
  return convertModel({
    models: singleModel(await modelIn(modelDir)),
    settings: testSettings,
    outputDir: join(scratch, format),
    progress: silentProgress,
    signal: new AbortController().signal,
    format,
  });
}

function windowOf({ manifest }: ConvertedModel): Tensor {
  const { network, plan } = manifest.models[0]!;
  const shape = [1, network.inputChannels, ...plan.patchSize];
  return new Tensor("float32", syntheticWindow(shape), shape);
}

/** What the processor's own ONNX Runtime computes with the networks that it uses. */
async function foldLogits(converted: ConvertedModel): Promise<Float32Array[]> {
  const answers: Float32Array[] = [];
  for (const { onnxFile } of converted.manifest.models[0]!.folds) {
    const session = await InferenceSession.create(join(converted.folder, onnxFile));
    const { logits } = await session.run({ input: windowOf(converted) });
    answers.push((logits as Tensor).data as Float32Array);
    await session.release();
  }
  return answers;
}

interface Report {
  readonly files: readonly { readonly file: string; readonly opset: number; readonly irVersion: number }[];
  readonly models: readonly string[];
}

async function checked(converted: ConvertedModel) {
  const window = windowOf(converted);
  const answers = join(scratch, "answers");
  mkdirSync(answers);
  writeFileSync(join(scratch, "window"), window.data as Float32Array);
  const printed = await outputOf(
    join(process.env["ONNX_VENV"]!, "bin", "python"),
    join(repositoryRoot, "test", "peer", "check_onnx.py"),
    ...[converted.folder, join(scratch, "window"), window.dims.join(), answers],
  );
  const answer = (name: string, runtime: string): Float32Array => {
    const bytes = readFileSync(join(answers, `${name}.${runtime}`));
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  };
  return { report: JSON.parse(printed) as Report, answer };
}

function expectClose(found: Float32Array, expected: Float32Array): void {
  expect(found).toHaveLength(expected.length);
  const range = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const error = found.reduce((a, value, i) => Math.max(a, Math.abs(value - expected[i]!)), 0);
  // Convolutions that are summed in another order.
  expect(error / range).toBeLessThan(1e-4);
}
