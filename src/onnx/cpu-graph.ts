import { decoderStages } from "./decoder-stages.js";
import { type FeatureMap, featureMaps } from "./feature-maps.js";
import type { OnnxBody, OnnxGraph, OnnxNode } from "./onnx-graph.js";
import { integersOf } from "./onnx-nodes.js";
import { subPixelStage } from "./sub-pixel-decoder.js";
import { winogradConvolution } from "./winograd-convolution.js";

/**
 * Rewrites the network into the form that ONNX Runtime computes fastest on a CPU, with the same input, output
 * and weights. 2-D networks are unchanged, because ONNX Runtime has blocked kernels for them.
 */
export function cpuGraph(network: OnnxGraph): OnnxBody {
  const body = { ...network, inputs: [network.input], outputs: [network.output] };
  if (network.input.shape.length !== 5) return body;
  const maps = featureMaps(network);
  return {
    ...body,
    nodes: withSubPixelStages(network.nodes, maps).flatMap((node) => withWinograd(node, maps)),
  };
}

/** Wider stages are deep in a network: they take little time, but their combined weights take much memory. */
const widestSubPixelStage = 128;

function withSubPixelStages(nodes: readonly OnnxNode[], maps: Map<string, FeatureMap>): OnnxNode[] {
  const replacements = new Map<OnnxNode, readonly OnnxNode[]>();
  for (const { transposed, concatenation, convolution } of decoderStages(nodes)) {
    const [upsampled, skip] = concatenation.inputs as [string, string];
    const outputChannels = maps.get(convolution.outputs[0]!)!.channels;
    if (outputChannels > widestSubPixelStage) continue;
    const stage = subPixelStage({
      convolution,
      transposed,
      coarse: maps.get(transposed.inputs[0]!)!,
      upsampledChannels: maps.get(upsampled)!.channels,
      skip: { name: skip, channels: maps.get(skip)!.channels },
      outputChannels,
    });
    if (stage === null) continue;
    for (const { inputs, outputs } of stage) {
      if (inputs[0] === skip) maps.set(outputs[0]!, maps.get(convolution.outputs[0]!)!);
    }
    replacements.set(transposed, []).set(concatenation, []).set(convolution, stage);
  }
  return nodes.flatMap((node) => replacements.get(node) ?? [node]);
}

/**
 * With fewer voxels, reading and writing the maps again costs more than the convolution saves; with more, it
 * takes too much memory.
 */
const winogradVoxels = { least: 1000, most: 2 ** 22 };

/** Size of a part of a feature map that fits into a processor's cache. */
const winogradPartBytes = 2 ** 25;

function withWinograd(node: OnnxNode, maps: ReadonlyMap<string, FeatureMap>): readonly OnnxNode[] {
  const map = maps.get(node.outputs[0]!);
  const input = maps.get(node.inputs[0]!);
  if (node.operator !== "Conv" || map === undefined || input === undefined) return [node];
  const { sizeZyx } = map;
  const voxels = sizeZyx.reduce((a, b) => a * b, 1);
  const kernel = integersOf(node, "kernel_shape");
  const isSameSize = sizeZyx.every((size, i) => size === input.sizeZyx[i]);
  // The axis x is not used, because related positions along it are not contiguous.
  const axis = [0, 1].find((i) => kernel[i] === 3 && sizeZyx[i]! % 2 === 0);
  if (axis === undefined || !isSameSize || input.channels < 8) return [node];
  if (voxels < winogradVoxels.least || voxels > winogradVoxels.most) return [node];
  return winogradConvolution({
    convolution: node,
    axis,
    size: sizeZyx,
    outputChannels: map.channels,
    parts: Math.ceil((4 * voxels * Math.max(input.channels, map.channels)) / winogradPartBytes),
  });
}
