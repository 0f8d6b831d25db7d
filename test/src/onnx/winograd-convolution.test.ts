import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeModel } from "../../../src/onnx/encode-model.js";
import { GraphBuilder } from "../../../src/onnx/graph-builder.js";
import type { OnnxGraph, OnnxNode } from "../../../src/onnx/onnx-graph.js";
import { winogradConvolution } from "../../../src/onnx/winograd-convolution.js";
import { externalData, writeNetwork } from "../../../src/onnx/write-network.js";
import { syntheticWeights } from "../../support/model/decoder-stage-network.js";
import { syntheticWindow } from "../../support/model/network-window.js";

const scratch = mkdtempSync(join(tmpdir(), "winograd-"));
const size = [10, 6, 5];
const channels = 3;
const outputChannels = 4;
const graph = oneConvolution();
let expected: Float32Array;

beforeAll(async () => {
  const onnxFile = join(scratch, "weights.onnx");
  await writeNetwork({
    graph,
    form: "cpu",
    onnxFile,
    weightsFile: join(scratch, "all.weights"),
    onBytes: () => {},
  });
  expected = await answersOf(graph.nodes);
});
afterAll(() => rmSync(scratch, { recursive: true }));

function oneConvolution(): OnnxGraph {
  const builder = new GraphBuilder(channels);
  const logits = builder.convolution("convolution", builder.input, {
    weight: syntheticWeights([outputChannels, channels, 3, 3, 3]),
    bias: syntheticWeights([outputChannels]),
    stride: [1, 1, 1],
  });
  const frame = { architecture: "PlainConvUNet", inputChannels: channels, outputChannels } as const;
  return builder.finish({ ...frame, patchSize: size }, logits);
}

async function answersOf(nodes: readonly OnnxNode[]): Promise<Float32Array> {
  const body = { ...graph, nodes, inputs: [graph.input], outputs: [graph.output] };
  const file = join(scratch, "body.onnx");
  writeFileSync(file, encodeModel({ body, data: externalData(graph, "all.weights") }));
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1 });
  try {
    const shape = [2, channels, ...size];
    const input = new Tensor("float32", syntheticWindow(shape), shape);
    return (await session.run({ input }))["logits"]!.data as Float32Array;
  } finally {
    await session.release();
  }
}

describe("Winograd's convolution gives the same output as the convolution itself,", () => {
  const cases = [
    { axis: 0, parts: 1 },
    { axis: 0, parts: 2 },
    { axis: 0, parts: 5 },
    { axis: 0, parts: 9 },
    { axis: 1, parts: 1 },
    { axis: 1, parts: 3 },
  ];
  test.each(cases)("along axis $axis in $parts parts", async ({ axis, parts }) => {
    const convolution = graph.nodes[0]!;
    const values = await answersOf(winogradConvolution({ convolution, axis, size, outputChannels, parts }));
    expect(values).toHaveLength(expected.length);
    const error = values.reduce((a, value, i) => Math.max(a, Math.abs(value - expected[i]!)), 0);
    // Sums of 81 float32 products near 1 in a different order.
    expect(error).toBeLessThan(5e-6);
  });
});
