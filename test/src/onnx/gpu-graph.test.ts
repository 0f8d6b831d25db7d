import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { headRanges } from "../../../processor/contract/head-ranges.js";
import type { ModelManifest } from "../../../processor/contract/manifest.js";
import { type AveragedOutput, gpuGraph } from "../../../src/onnx/gpu-graph.js";
import { GraphBuilder } from "../../../src/onnx/graph-builder.js";
import type { OnnxBody, OnnxNode } from "../../../src/onnx/onnx-graph.js";
import { integersOf } from "../../../src/onnx/onnx-nodes.js";
import { goldenPath, repositoryRoot } from "../../support/golden.js";
import { withConvertedModel } from "../../support/model/convert.js";
import { writeConvolutionFolds } from "../../support/model/convolution-network.js";
import { syntheticWeights } from "../../support/model/decoder-stage-network.js";
import { allMirrorings, averageRuns, runGpuGraph, type Windows } from "../../support/model/mirrorings.js";
import { syntheticWindow } from "../../support/model/network-window.js";

const fixtures = join(repositoryRoot, "test", "fixtures");
const networks = [
  ...["networks", "networks_v1"].flatMap((folder) =>
    readdirSync(join(fixtures, folder)).map((name) => ({ name, folder: join(fixtures, folder, name) })),
  ),
  ...[
    "v2/blobs_3d_fullres",
    "v2/blobs_2d",
    "v2/mr_regions_resenc_3d",
    "v1/blobs_3d_fullres",
    "v1/blobs_2d",
  ].map((name) => ({ name, folder: goldenPath(...name.split("/"), "model") })),
];

const scratch = mkdtempSync(join(tmpdir(), "gpu-graph-"));
afterAll(() => rmSync(scratch, { recursive: true }));

interface Comparison {
  readonly maximum: number;
  readonly mean: number;
  /** Largest magnitude of the float32 output. */
  readonly largest: number;
}

interface Networks {
  readonly onnxFiles: readonly string[];
  readonly gpuOnnxFile: string;
}

async function compare(
  { onnxFiles, gpuOnnxFile }: Networks,
  windows: Windows,
  averaged: AveragedOutput,
): Promise<Comparison> {
  const expected = await averageRuns(onnxFiles, windows, averaged);
  const folds = onnxFiles.map((_, fold) => fold);
  const { values } = await runGpuGraph(gpuOnnxFile, windows, folds);
  expect(values).toHaveLength(expected.length);
  // Math.max propagates a NaN, so that it cannot look like a small error.
  const errors = values.map((value, i) => Math.abs(value - expected[i]!));
  return {
    maximum: errors.reduce((a, b) => Math.max(a, b), 0),
    mean: errors.reduce((a, b) => a + b, 0) / errors.length,
    largest: expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0),
  };
}

const networksOf = (folder: string, { folds, gpuOnnxFile }: ModelManifest): Networks => ({
  onnxFiles: folds.map(({ onnxFile }) => join(folder, onnxFile)),
  gpuOnnxFile: join(folder, gpuOnnxFile!),
});

const averagedBy = ({ plan, labels }: ModelManifest): AveragedOutput =>
  plan.averaging === "logits" ? "logits" : labels.regionsClassOrder === null ? "softmax" : "sigmoid";

const windowsFor = ({ network, plan }: ModelManifest, batch: number): Windows => {
  const shape = [batch, network.inputChannels, ...plan.patchSize];
  return { values: syntheticWindow(shape), shape, mirrorings: allMirrorings(plan.patchSize.length) };
};

/**
 * Windows, weights and means are rounded to float16, by a relative error of up to 2^-11; between them ONNX
 * Runtime computes in float32 on a CPU. The layers propagate the error: at most eight such roundings of the
 * largest value at one voxel, and less than one on average. A wrong flip causes an error of about the value
 * itself.
 */
function expectWithinFloat16({ maximum, mean, largest }: Comparison): void {
  expect(maximum).toBeLessThan(8 * 2 ** -11 * largest);
  expect(mean).toBeLessThan(2 ** -11 * largest);
}

describe("the float16 graph computes the mean of the network's mirrorings:", () => {
  test.each(networks)("$name", async ({ folder: modelDir }) => {
    await withConvertedModel(modelDir, async ({ folder, manifest }) => {
      const model = manifest.models[0]!;
      expectWithinFloat16(await compare(networksOf(folder, model), windowsFor(model, 1), averagedBy(model)));
    });
  });

  const plain = networks.find(({ name }) => name === "plain_3d_thirds")!.folder;

  test("also for two windows at the same time", async () => {
    await withConvertedModel(plain, async ({ folder, manifest }) => {
      expectWithinFloat16(
        await compare(networksOf(folder, manifest.models[0]!), windowsFor(manifest.models[0]!, 2), "logits"),
      );
    });
  });

  test.each([
    { name: "only the window as it is", mirrorings: [[]] },
    { name: "one axis", mirrorings: [[], [1]] },
    { name: "the second and third axis", mirrorings: [[], [1], [2], [1, 2]] },
  ])("$name", async ({ mirrorings }) => {
    await withConvertedModel(plain, async ({ folder, manifest }) => {
      const windows = { ...windowsFor(manifest.models[0]!, 1), mirrorings };
      expectWithinFloat16(await compare(networksOf(folder, manifest.models[0]!), windows, "logits"));
    });
  });
});

describe("the output's heads", () => {
  test.each([
    { heads: 1, groups: [1] },
    { heads: 2, groups: [2] },
    { heads: 5, groups: [1, 2, 2] },
    { heads: 8, groups: [2, 2, 2, 2] },
    { heads: 61, groups: [7, 8, 7, 8, 8, 7, 8, 8] },
  ])("$heads come in groups of $groups", async ({ heads, groups }) => {
    expect(headRanges(heads).map(({ from, to }) => to - from)).toEqual(groups);
    const patchSize = [3, 5];
    const folder = mkdtempSync(join(scratch, "heads-"));
    const networks = await writeConvolutionFolds([pseudoRandomConvolution(heads)], {
      ...{ folder, channels: heads, patchSize, kernel: 3 },
    });
    const shape = [2, heads, ...patchSize];
    const windows = { values: syntheticWindow(shape), shape, mirrorings: allMirrorings(2) };
    expect((await runGpuGraph(networks.gpuOnnxFile, windows, [0])).heads).toEqual(groups);
    expectWithinFloat16(await compare(networks, windows, "logits"));
  });
});

describe("of several folds", () => {
  test("the requested ones are averaged", async () => {
    const folder = mkdtempSync(join(scratch, "folds-"));
    const bias = [1, 20, 300];
    const { gpuOnnxFile } = await writeConvolutionFolds(
      bias.map((value) => ({ weight: [0], bias: [value] })),
      { folder, channels: 1, patchSize: [2, 2], kernel: 1 },
    );
    const windows = { values: new Float32Array(4), shape: [1, 1, 2, 2], mirrorings: allMirrorings(2) };
    for (const folds of [[0], [2], [1, 2], [2, 0], [0, 1, 2]]) {
      const mean = folds.reduce((sum, fold) => sum + bias[fold]!, 0) / folds.length;
      expect([...(await runGpuGraph(gpuOnnxFile, windows, folds)).values]).toEqual(new Array(4).fill(mean));
    }
  });
});

test("only ConstantOfShape reads a shape, because other operators would run on the CPU", () => {
  const { nodes } = normalizedGraph();
  const shapes = nodes.flatMap(({ operator, outputs }) => (operator === "Shape" ? outputs : []));
  expect(shapes).toHaveLength(2);
  const readers = nodes.filter(({ inputs }) => inputs.some((name) => shapes.includes(name)));
  expect(new Set(readers.map(({ operator }) => operator))).toEqual(new Set(["ConstantOfShape"]));
});

describe("an instance normalisation", () => {
  const graph = normalizedGraph();
  const { nodes } = bodyOf(graph);
  const inputs = (name: string) => nodes.find((node) => node.name === name)!.inputs;

  test("gets windows as channels of one, the only case that ONNX Runtime's CUDA kernel computes in float32", () => {
    const norm = nodes.find(({ operator }) => operator === "InstanceNormalization")!;
    const joined = nodes.find(({ outputs }) => outputs[0] === norm.inputs[0])!;
    expect(joined.operator).toBe("Reshape");
    expect(shapeOf(nodes, joined)).toEqual([1, -1, 0, 0]);
    const parted = nodes.find(({ inputs: [x] }) => x === norm.outputs[0])!;
    expect(parted.operator).toBe("Reshape");
    expect(shapeOf(nodes, parted)).toEqual([-1, 2, 0, 0]);
  });

  test("makes the bias before it unnecessary, so only this bias is omitted", () => {
    expect(inputs("first")).toEqual(["input", "first.weight"]);
    expect(inputs("last")).toEqual(["norm", "last.weight", "last.bias"]);
    const read = graph.nodes.flatMap((node) => node.inputs);
    expect(read).toContain("folds/0/last.bias");
    expect(read).not.toContain("folds/0/first.bias");
  });
});

describe("float16 cannot represent a weight of", () => {
  const holds = async (weight: number, bias: number) => {
    const folder = mkdtempSync(join(scratch, "weight-"));
    const shape = { folder, channels: 1, patchSize: [2, 2], kernel: 1 };
    return writeConvolutionFolds([{ weight: [weight], bias: [bias] }], shape);
  };

  test.each([1e6, -65536, Number.NaN])("%d", async (weight) => {
    expect((await holds(weight, 0)).isWithinFloat16).toBe(false);
  });

  test("except the largest float16", async () => {
    const { isWithinFloat16, gpuOnnxFile } = await holds(65504, -65504);
    expect(isWithinFloat16).toBe(true);
    const windows = { values: Float32Array.of(1, 0, 0.5, 2), shape: [1, 1, 2, 2], mirrorings: [[]] };
    const { values } = await runGpuGraph(gpuOnnxFile, windows, [0]);
    expect([...values]).toEqual([0, -65504, -32752, 65504]);
  });
});

const pseudoRandomConvolution = (channels: number) => ({
  weight: [...syntheticWindow([channels, channels, 3, 3])],
  bias: [...syntheticWindow([channels])],
});

/** Two convolutions with bias; an instance normalisation reads the first. */
function normalizedGraph(): OnnxBody {
  const builder = new GraphBuilder(1);
  const convolution = (name: string, x: typeof builder.input) =>
    builder.convolution(name, x, {
      ...{ weight: syntheticWeights([2, x.channels, 3, 3]), bias: syntheticWeights([2]), stride: [1, 1] },
    });
  const first = convolution("first", builder.input);
  const norm = builder.instanceNorm("norm", first, { scale: null, shift: null, epsilon: 1e-5 });
  const frame = { architecture: "PlainConvUNet", inputChannels: 1, outputChannels: 2 } as const;
  const network = builder.finish({ ...frame, patchSize: [4, 4] }, convolution("last", norm));
  return gpuGraph(network, { folds: 1, averaged: "logits" });
}

function bodyOf({ nodes }: OnnxBody): OnnxBody {
  const attribute = nodes.find(({ operator }) => operator === "Scan")?.attributes["body"];
  if (attribute === undefined || !("body" in attribute)) throw new Error("no Scan");
  return attribute.body;
}

const shapeOf = (nodes: readonly OnnxNode[], { inputs }: OnnxNode): readonly number[] =>
  integersOf(nodes.find(({ outputs }) => outputs[0] === inputs[1])!, "value_ints");
