import type { OnnxGraph, OnnxNode } from "./onnx-graph.js";
import { integersOf } from "./onnx-nodes.js";

/** The channels and size of a value between two nodes, without the batch. */
export interface FeatureMap {
  readonly channels: number;
  /** One entry per spatial axis, z first. */
  readonly sizeZyx: readonly number[];
}

/**
 * Returns the channels and size of the input and of every node's output, by name. Supports the operators that
 * `GraphBuilder` writes.
 */
export function featureMaps({ input, nodes, weights }: OnnxGraph): Map<string, FeatureMap> {
  const [, channels, ...sizeZyx] = input.shape as number[];
  const maps = new Map<string, FeatureMap>([[input.name, { channels: channels!, sizeZyx }]]);
  const shapes = new Map(weights.map(({ name, values }) => [name, values.shape]));
  for (const node of nodes) {
    const inputs = node.inputs.flatMap((name) => maps.get(name) ?? []);
    maps.set(node.outputs[0]!, outputOf(node, inputs, shapes.get(node.inputs[1] ?? "")));
  }
  return maps;
}

function outputOf(
  node: OnnxNode,
  inputs: readonly FeatureMap[],
  weightShape: readonly number[] | undefined,
): FeatureMap {
  const [first] = inputs as [FeatureMap];
  switch (node.operator) {
    case "Conv":
      return { channels: weightShape![0]!, sizeZyx: strided(node, first.sizeZyx) };
    case "AveragePool":
      return { channels: first.channels, sizeZyx: strided(node, first.sizeZyx) };
    case "ConvTranspose": {
      const stride = integersOf(node, "strides");
      return { channels: weightShape![1]!, sizeZyx: first.sizeZyx.map((size, i) => size * stride[i]!) };
    }
    case "Resize":
      return { ...first, sizeZyx: first.sizeZyx.map((size) => size * 2) };
    case "Concat":
      return { ...first, channels: inputs.reduce((sum, { channels }) => sum + channels, 0) };
    default:
      return first;
  }
}

function strided(node: OnnxNode, sizeZyx: readonly number[]): number[] {
  const kernel = integersOf(node, "kernel_shape");
  const stride = integersOf(node, "strides");
  const padding = node.attributes["pads"] === undefined ? kernel.map(() => 0) : integersOf(node, "pads");
  return sizeZyx.map((size, i) => {
    const padded = size + padding[i]! + padding[kernel.length + i]!;
    return Math.floor((padded - kernel[i]!) / stride[i]!) + 1;
  });
}
