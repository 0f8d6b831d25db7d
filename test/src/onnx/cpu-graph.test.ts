import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { cpuGraph } from "../../../src/onnx/cpu-graph.js";
import { encodeModel } from "../../../src/onnx/encode-model.js";
import type { OnnxGraph } from "../../../src/onnx/onnx-graph.js";
import { externalData, writeNetwork } from "../../../src/onnx/write-network.js";
import { type DecoderStageOptions, decoderStageNetwork } from "../../support/model/decoder-stage-network.js";
import { syntheticWindow } from "../../support/model/network-window.js";

const scratch = mkdtempSync(join(tmpdir(), "cpu-graph-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const usual: DecoderStageOptions = {
  patchSize: [12, 12, 12],
  stride: [2, 2, 2],
  kernel: [3, 3, 3],
  channels: 8,
  hasUpsamplingBias: true,
};

const encodePlain = (graph: OnnxGraph, weightsFile: string): Uint8Array =>
  encodeModel({
    body: { ...graph, inputs: [graph.input], outputs: [graph.output] },
    data: externalData(graph, weightsFile),
  });

const operators = (graph: OnnxGraph): string[] => cpuGraph(graph).nodes.map(({ operator }) => operator);

/** A split convolution has four nodes. */
const convolutions = (graph: OnnxGraph): number => operators(graph).filter((name) => name === "Conv").length;

async function run(file: string, window: Tensor): Promise<Float32Array> {
  const session = await InferenceSession.create(file, { intraOpNumThreads: 2 });
  try {
    return (await session.run({ input: window }))["logits"]!.data as Float32Array;
  } finally {
    await session.release();
  }
}

describe("the graph for CPUs gives the same logits as the network itself,", () => {
  const cases: Record<string, DecoderStageOptions> = {
    "in nnU-Net's usual shape": usual,
    "without bias in the transposed convolution": { ...usual, hasUpsamplingBias: false },
    "where the first axis stays as it is": { ...usual, stride: [1, 2, 2] },
    "where the first axis is not convolved": { ...usual, stride: [1, 2, 2], kernel: [1, 3, 3] },
    "where an axis that is not convolved is strided": { ...usual, kernel: [1, 3, 3] },
    "where the last axis stays as it is": { ...usual, stride: [2, 2, 1] },
    "with a stride of four": { ...usual, stride: [4, 2, 2] },
    "with a kernel of five": { ...usual, kernel: [5, 3, 3] },
    "on sizes whose halves are odd": { ...usual, patchSize: [10, 14, 18] },
    "where only the second axis is even": { ...usual, patchSize: [11, 12, 14], stride: [1, 2, 2] },
    "where neither of the first two axes is even": { ...usual, patchSize: [11, 13, 14], stride: [1, 1, 2] },
    "on maps too small to benefit": { ...usual, patchSize: [4, 4, 4] },
    "in 2-D": { ...usual, patchSize: [12, 12], stride: [2, 2], kernel: [3, 3] },
  };

  test.each(Object.entries(cases))("%s", async (name, options) => {
    const graph = decoderStageNetwork(options);
    const path = join(scratch, name.replaceAll(" ", "_"));
    await writeNetwork({
      form: "cpu",
      graph,
      onnxFile: `${path}.onnx`,
      weightsFile: `${path}.weights`,
      onBytes: () => {},
    });
    writeFileSync(`${path}.plain.onnx`, encodePlain(graph, `${basename(path)}.weights`));
    const shape = [2, 1, ...options.patchSize];
    const window = new Tensor("float32", syntheticWindow(shape), shape);
    const expected = await run(`${path}.plain.onnx`, window);
    const values = await run(`${path}.onnx`, window);
    expect(values).toHaveLength(expected.length);
    const largest = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    expect(largest).toBeGreaterThan(0.1);
    const error = values.reduce((a, value, i) => Math.max(a, Math.abs(value - expected[i]!)), 0);
    // Sums of some hundred float32 products in a different order.
    expect(error / largest).toBeLessThan(5e-6);
  });
});

describe("the graph for CPUs", () => {
  test("computes the first operations of a decoder stage without a transposed convolution", () => {
    expect(operators(decoderStageNetwork(usual))).not.toContain("ConvTranspose");
  });

  test("keeps transposed convolutions if strides or kernels are not nnU-Net's, and in 2-D", () => {
    const kept = [
      { ...usual, stride: [4, 2, 2] },
      { ...usual, kernel: [5, 3, 3] },
      { ...usual, patchSize: [12, 12], stride: [2, 2], kernel: [3, 3] },
    ];
    for (const options of kept) expect(operators(decoderStageNetwork(options))).toContain("ConvTranspose");
  });

  test("keeps wide stages, which take little time and whose combined weights would take much memory", () => {
    expect(operators(decoderStageNetwork({ ...usual, channels: 129 }))).toContain("ConvTranspose");
  });

  test("splits convolutions along an even axis on maps that are neither small nor very large", () => {
    const on = (patchSize: readonly number[]): number =>
      convolutions(decoderStageNetwork({ ...usual, patchSize }));
    const split = on([12, 12, 12]);
    expect(on([4, 4, 4])).toBe(split - 3);
    expect(on([192, 192, 192])).toBe(split - 3);
  });

  test("has the network's own input, output and weights", () => {
    const network = decoderStageNetwork(usual);
    const body = cpuGraph(network);
    expect(body.inputs).toEqual([network.input]);
    expect(body.outputs).toEqual([network.output]);
    const read = new Set(body.nodes.flatMap(({ inputs }) => inputs));
    for (const { name } of network.weights) expect(read).toContain(name);
  });
});
