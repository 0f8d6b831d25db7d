import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import type { OnnxNode } from "../../../src/onnx/onnx-graph.js";
import { openvinoGraph } from "../../../src/onnx/openvino-graph.js";
import { writeNetwork, writeOpenvinoGraph } from "../../../src/onnx/write-network.js";
import { difference } from "../../support/golden.js";
import {
  type DecoderStageOptions,
  decoderStageNetwork,
  twoDecoderStagesNetwork,
} from "../../support/model/decoder-stage-network.js";
import { syntheticWindow } from "../../support/model/network-window.js";

const scratch = mkdtempSync(join(tmpdir(), "openvino-graph-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const usual: DecoderStageOptions = {
  patchSize: [12, 12, 12],
  stride: [2, 2, 2],
  kernel: [3, 3, 3],
  channels: 8,
  hasUpsamplingBias: true,
};

async function run(file: string, window: Tensor): Promise<Float32Array> {
  const session = await InferenceSession.create(file);
  try {
    return (await session.run({ input: window }))["logits"]!.data as Float32Array;
  } finally {
    await session.release();
  }
}

describe("the graph for OpenVINO", () => {
  test.each([
    ["in nnU-Net's usual shape", usual],
    ["without bias in the transposed convolution", { ...usual, hasUpsamplingBias: false }],
    ["where the first axis is not convolved", { ...usual, stride: [1, 2, 2], kernel: [1, 3, 3] }],
    ["with channels that do not fill a vector", { ...usual, channels: 10 }],
    ["with a kernel of five", { ...usual, kernel: [5, 3, 3] }],
    ["with two stages of the decoder", null],
  ] as const)("gives the same logits as the network itself, %s", async (name, options) => {
    const graph = options === null ? twoDecoderStagesNetwork() : decoderStageNetwork(options);
    const path = join(scratch, name.replaceAll(" ", "_"));
    const files = { onnxFile: `${path}.onnx`, weightsFile: `${path}.weights` };
    await writeNetwork({ form: "plain", graph, ...files, onBytes: () => {} });
    // Zero bytes: also a small network has the form of a large one.
    await writeOpenvinoGraph(graph, `${path}.plain.onnx`, basename(files.weightsFile), 0);
    const shape = [2, 1, ...(options?.patchSize ?? [8, 8, 8])];
    const window = new Tensor("float32", syntheticWindow(shape), shape);
    const expected = await run(files.onnxFile, window);
    const largest = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    // Sums of some hundred float32 products in a different order.
    expect(difference(await run(`${path}.plain.onnx`, window), expected).max / largest).toBeLessThan(5e-6);
  });

  test("has channels of zeros if the others do not fill a vector", () => {
    const pads = (channels: number) =>
      openvinoGraph(decoderStageNetwork({ ...usual, channels })).nodes.filter(
        ({ operator }) => operator === "Pad",
      );
    expect(pads(8)).toEqual([]);
    expect(pads(10)).not.toEqual([]);
  });

  test("has no channels of zeros where a convolution would multiply many of them", () => {
    const slices = (channels: number) =>
      openvinoGraph(decoderStageNetwork({ ...usual, channels })).nodes.filter(
        ({ operator }) => operator === "Slice",
      ).length;
    expect(slices(10)).toBeGreaterThan(0);
    // Two in thirty cost less than a copy of the map.
    expect(slices(30)).toBe(0);
    expect(slices(16)).toBe(0);
  });

  test("has no concatenation, which would be the largest feature map", () => {
    const graph = decoderStageNetwork(usual);
    expect(graph.nodes.map(({ operator }) => operator)).toContain("Concat");
    expect(openvinoGraph(graph).nodes.map(({ operator }) => operator)).not.toContain("Concat");
  });

  test("convolves the largest skip before the decoder if it is large, so that the skip is freed early", () => {
    const { nodes } = openvinoGraph(twoDecoderStagesNetwork(), 0);
    const place = (name: string) => nodes.findIndex((node) => node.name === name);
    expect(place("decoder.1/skip")).toBeGreaterThan(-1);
    expect(place("decoder.1/skip")).toBeLessThan(place("upsampling.0"));
    const [features] = nodes[place("upsampling.0")]!.inputs;
    expect(leadingTo(features!, nodes)).toContain("decoder.1/skip");
    const small = openvinoGraph(twoDecoderStagesNetwork()).nodes.map(({ name }) => name);
    expect(small.indexOf("decoder.1/skip")).toBeGreaterThan(small.indexOf("upsampling.0"));
  });
});

/** Returns the names of all nodes whose results a value needs. */
function leadingTo(value: string, nodes: readonly OnnxNode[]): readonly string[] {
  const maker = nodes.find(({ outputs }) => outputs.includes(value));
  return maker === undefined ? [] : [maker.name, ...maker.inputs.flatMap((name) => leadingTo(name, nodes))];
}
