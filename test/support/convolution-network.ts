import { type AveragedAnswer, gpuGraph } from "../../src/onnx/gpu-graph.js";
import type { OnnxGraph } from "../../src/onnx/onnx-graph.js";
import { writeNetwork } from "../../src/onnx/write-network.js";

export interface Convolution {
  /** `out × in × kernel`, flat. */
  readonly weight: readonly number[];
  readonly bias: readonly number[];
}

export interface ConvolutionNetworkOptions {
  /** Without ending: `<path>.onnx`, `<path>.gpu.onnx` and `<path>.weights` are written. */
  readonly path: string;
  readonly channels: number;
  readonly patchSize: readonly number[];
  /** Along each axis. */
  readonly kernel: number;
  /** By the float16 graph; absent: logits. */
  readonly averaged?: AveragedAnswer;
}

/** Writes a network of one convolution with as many heads as channels. */
export async function writeConvolutionNetwork(
  { weight, bias }: Convolution,
  { path, channels, patchSize, kernel, averaged = "logits" }: ConvolutionNetworkOptions,
): Promise<string> {
  const onnxFile = `${path}.onnx`;
  const shape = ["batch", channels, ...patchSize];
  const kernelShape = patchSize.map(() => kernel);
  const tensor = (name: string, of: readonly number[], values: readonly number[]) => ({
    name,
    values: {
      shape: of,
      async *chunks() {
        yield Float32Array.from(values);
      },
    },
  });
  const graph: OnnxGraph = {
    name: "convolution",
    nodes: [
      {
        name: "convolution",
        operator: "Conv",
        inputs: ["input", "weight", "bias"],
        outputs: ["logits"],
        attributes: {
          kernel_shape: { integers: kernelShape },
          pads: { integers: [...kernelShape, ...kernelShape].map((size) => (size - 1) / 2) },
        },
      },
    ],
    weights: [
      tensor("weight", [channels, channels, ...kernelShape], weight),
      tensor("bias", [channels], bias),
    ],
    input: { name: "input", shape },
    output: { name: "logits", shape },
  };
  await writeNetwork({
    graph,
    onnxFile,
    gpu: { body: gpuGraph(graph, averaged), onnxFile: `${path}.gpu.onnx` },
    weightsFile: `${path}.weights`,
    onBytes: () => {},
  });
  return onnxFile;
}
