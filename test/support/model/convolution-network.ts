import { join } from "node:path";
import type { AveragedOutput } from "../../../src/onnx/gpu-graph.js";
import type { OnnxGraph } from "../../../src/onnx/onnx-graph.js";
import { writeGpuGraph } from "../../../src/onnx/write-gpu-graph.js";
import { type NetworkDigests, writeNetwork } from "../../../src/onnx/write-network.js";

export interface Convolution {
  /** `out × in × kernel`, flat. */
  readonly weight: readonly number[];
  readonly bias: readonly number[];
}

interface ConvolutionShape {
  readonly channels: number;
  readonly patchSize: readonly number[];
  /** The kernel's size along each axis. */
  readonly kernel: number;
  /** The number of windows in one run; any number if absent. */
  readonly batch?: number;
  /** `input` if absent. */
  readonly inputName?: string;
}

export interface ConvolutionNetworkOptions extends ConvolutionShape {
  /** A path without ending: `<path>.onnx` and `<path>.weights` are written. */
  readonly path: string;
}

/** Writes a network that is one convolution with as many heads as channels. */
export async function writeConvolutionNetwork(
  convolution: Convolution,
  { path, ...shape }: ConvolutionNetworkOptions,
): Promise<string> {
  await write(convolutionGraph(convolution, shape), path);
  return `${path}.onnx`;
}

export interface ConvolutionFoldsOptions extends ConvolutionShape {
  readonly folder: string;
  /** What the float16 graph returns; logits if absent. */
  readonly averaged?: AveragedOutput;
}

export interface ConvolutionFolds {
  readonly onnxFiles: readonly string[];
  /** One graph for GPUs that holds all folds. */
  readonly gpuOnnxFile: string;
  readonly isWithinFloat16: boolean;
}

/** Writes several networks of one convolution as the folds of one model, with their float16 graph. */
export async function writeConvolutionFolds(
  convolutions: readonly Convolution[],
  { folder, averaged = "logits", ...shape }: ConvolutionFoldsOptions,
): Promise<ConvolutionFolds> {
  const graphs = convolutions.map((convolution) => convolutionGraph(convolution, shape));
  const written: NetworkDigests[] = [];
  for (const [fold, graph] of graphs.entries())
    written.push(await write(graph, join(folder, `fold_${fold}`)));
  const gpuOnnxFile = join(folder, "network.gpu.onnx");
  const folds = graphs.map((graph, fold) => ({ graph, weightsFile: `fold_${fold}.weights` }));
  await writeGpuGraph(folds, averaged, gpuOnnxFile);
  return {
    onnxFiles: graphs.map((_, fold) => join(folder, `fold_${fold}.onnx`)),
    gpuOnnxFile,
    isWithinFloat16: written.every(({ isWithinFloat16 }) => isWithinFloat16),
  };
}

const write = (graph: OnnxGraph, path: string): Promise<NetworkDigests> =>
  writeNetwork({
    graph,
    form: "cpu",
    onnxFile: `${path}.onnx`,
    weightsFile: `${path}.weights`,
    onBytes: () => {},
  });

function convolutionGraph(
  { weight, bias }: Convolution,
  { channels, patchSize, kernel, batch, inputName = "input" }: ConvolutionShape,
): OnnxGraph {
  const shape = [batch ?? "batch", channels, ...patchSize];
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
  return {
    name: "convolution",
    nodes: [
      {
        name: "convolution",
        operator: "Conv",
        inputs: [inputName, "weight", "bias"],
        outputs: ["logits"],
        attributes: {
          kernel_shape: { integers: kernelShape },
          strides: { integers: kernelShape.map(() => 1) },
          pads: { integers: [...kernelShape, ...kernelShape].map((size) => (size - 1) / 2) },
        },
      },
    ],
    weights: [
      tensor("weight", [channels, channels, ...kernelShape], weight),
      tensor("bias", [channels], bias),
    ],
    input: { name: inputName, shape },
    output: { name: "logits", shape },
  };
}
