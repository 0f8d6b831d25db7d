import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { openNetworks } from "../../../processor/runtime/inference/networks.js";
import { readPrimusNetwork } from "../../../src/checkpoint/nnunet-v2/primus-plan.js";
import { trainerArchitecture } from "../../../src/checkpoint/nnunet-v2/trainer-architecture.js";
import { buildNetwork } from "../../../src/onnx/build-network.js";
import { writeGpuGraph } from "../../../src/onnx/write-gpu-graph.js";
import { writeNetwork, writeOpenvinoGraph } from "../../../src/onnx/write-network.js";
import { difference, repositoryRoot } from "../../support/golden.js";
import {
  collectLogits,
  planOfPatch,
  predictOptions,
  preparedVolume,
} from "../../support/model/inference-case.js";
import { seededValues, seededWeights } from "../../support/model/seeded-weights.js";
import { describeWith, needs } from "../../support/needs.js";

interface Expected {
  readonly patch: readonly [number, number, number];
  readonly channels: number;
  readonly classes: number;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

const fixture = (name: string): string => join(repositoryRoot, "test", "fixtures", "primus", name);
const minutes = 60_000;

// S is whole; L has 2 of its 24 blocks, so that the test needs little memory.
const sizes = ["s", "l"] as const;

describe("Primus has the logits of nnU-Net's", () => {
  test.each(sizes)("size %s", { timeout: 5 * minutes }, (size) => expectLogits(size, {}));
});

describeWith([needs.openvino], "Primus has the logits of nnU-Net's in OpenVINO", () => {
  test.each(sizes)("size %s", { timeout: 5 * minutes }, (size) =>
    expectLogits(size, { inferenceEngine: "openvino" }),
  );
});

test("Primus in float16 has the logits of nnU-Net's to a hundredth", { timeout: 5 * minutes }, () =>
  expectLogits("l", { precision: "float16", tolerance: 3e-2 }),
);

describe("Primus is refused", () => {
  test.each([
    { name: "for a patch that cannot be divided by 8", patchSize: [16, 20, 16], code: "PLANS_UNSUPPORTED" },
    { name: "in 2-D", patchSize: [16, 16], code: "PLANS_UNSUPPORTED" },
  ])("$name", ({ patchSize, code }) => {
    const { shapes, channels, classes } = read("l");
    const weights = seededWeights(shapes);
    const reading = () =>
      readPrimusNetwork({
        weights,
        patchSize,
        inputChannels: channels,
        outputChannels: classes,
        source: "model",
      });
    expect(reading).toThrow(expect.objectContaining({ code }) as Error);
  });

  test("for the plans of another patch", () => {
    const { shapes, channels, classes } = read("l");
    const weights = seededWeights(shapes);
    const plan = readPrimusNetwork({
      weights,
      patchSize: [32, 16, 24],
      inputChannels: channels,
      outputChannels: classes,
      source: "model",
    });
    const building = () =>
      buildNetwork({ plan, weights, trainer: "nnUNet_Primus_L_Trainer", source: "fold" });
    expect(building).toThrow(/eva\.pos_embed is 1×12×1056 in the checkpoint, 1×24×1056 by the plans/);
  });
});

test.each([
  ["nnUNet_Primus_S_Trainer", "Primus"],
  ["_Primus_L_48_BS1", "Primus"],
  ["nnUNet_PrimusV2S_Trainer", "PrimusV2S"],
  ["nnUNetTrainer", null],
])("the trainer %s builds %s", (trainer, architecture) => {
  expect(trainerArchitecture(trainer)).toBe(architecture);
});

const read = (size: string): Expected =>
  JSON.parse(readFileSync(fixture(`primus_${size}.json`), "utf8")) as Expected;

interface Run {
  readonly inferenceEngine?: "onnxruntime" | "openvino";
  readonly precision?: "float16" | "float32";
  readonly tolerance?: number;
}

async function expectLogits(
  size: string,
  { inferenceEngine = "onnxruntime", precision = "float32", tolerance = 1e-3 }: Run,
): Promise<void> {
  const { patch, channels, classes, shapes } = read(size);
  const weights = seededWeights(shapes);
  const plan = readPrimusNetwork({
    weights,
    patchSize: patch,
    inputChannels: channels,
    outputChannels: classes,
    source: "primus",
  });
  const { graph } = buildNetwork({ plan, weights, trainer: "nnUNet_Primus_S_Trainer", source: "primus" });
  const folder = mkdtempSync(join(tmpdir(), "primus-"));
  try {
    const onnxFile = join(folder, "fold_0.onnx");
    const weightsFile = join(folder, "fold_0.weights");
    await writeNetwork({ graph, form: "cpu", onnxFile, weightsFile, onBytes: () => {} });
    const plainFile = join(folder, "fold_0.plain.onnx");
    await writeOpenvinoGraph(graph, plainFile, "fold_0.weights");
    const gpuFile = join(folder, "network.gpu.onnx");
    await writeGpuGraph([{ graph, weightsFile: "fold_0.weights" }], "logits", gpuFile);
    const networks = await openNetworks({
      onnxFiles: [onnxFile],
      plainOnnxFiles: [plainFile],
      gpuNetworks: { onnxFile: gpuFile, folds: [0] },
      window: { channels, heads: classes, patchSize: patch },
      inferenceEngine,
      precision,
      device: "cpu",
    });
    try {
      const input = seededValues("input", [1, channels, ...patch]);
      const options = predictOptions({ plan: planOfPatch(patch), heads: classes });
      const logits = await collectLogits(networks.predict(preparedVolume(input, patch, channels), options));
      const bytes = gunzipSync(readFileSync(fixture(`primus_${size}.logits.gz`)));
      const expected = new Float32Array(Uint8Array.from(bytes).buffer);
      expect(difference(logits, expected).max).toBeLessThanOrEqual(tolerance);
    } finally {
      await networks.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}
