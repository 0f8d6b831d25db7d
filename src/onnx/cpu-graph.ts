import { type FeatureMap, featureMaps } from "./feature-maps.js";
import type { OnnxBody, OnnxGraph, OnnxNode } from "./onnx-graph.js";
import { integersOf } from "./onnx-nodes.js";
import { subPixelStage } from "./sub-pixel-decoder.js";
import { winogradConvolution } from "./winograd-convolution.js";

/**
 * The network as ONNX Runtime computes it fastest on a CPU, with the same input, output and weights. Networks in 2-D
 * stay as they are: ONNX Runtime has blocked kernels for them.
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

/** Wider ones are deep in a network: they take little time, and their joint weights much memory. */
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

interface DecoderStage {
  readonly transposed: OnnxNode;
  readonly concatenation: OnnxNode;
  readonly convolution: OnnxNode;
}

/** Where only one convolution reads the joined features: not in decoders of residual blocks that project them. */
function decoderStages(nodes: readonly OnnxNode[]): DecoderStage[] {
  return nodes.flatMap((convolution) => {
    const concatenation = nodes.find(({ outputs }) => outputs[0] === convolution.inputs[0]);
    if (convolution.operator !== "Conv" || concatenation?.operator !== "Concat") return [];
    const transposed = nodes.find(({ outputs }) => outputs[0] === concatenation.inputs[0]);
    const isOnlyReader = nodes.every(
      (node) => node === convolution || !node.inputs.includes(concatenation.outputs[0]!),
    );
    if (transposed?.operator !== "ConvTranspose" || !isOnlyReader) return [];
    return [{ transposed, concatenation, convolution }];
  });
}

/** Below, what is saved is less than what reading and writing once more costs; above, it takes too much memory. */
const winogradVoxels = { least: 1000, most: 2 ** 22 };

/** Parts of a map that a processor's cache holds. */
const winogradPartBytes = 2 ** 25;

function withWinograd(node: OnnxNode, maps: ReadonlyMap<string, FeatureMap>): readonly OnnxNode[] {
  const map = maps.get(node.outputs[0]!);
  const input = maps.get(node.inputs[0]!);
  if (node.operator !== "Conv" || map === undefined || input === undefined) return [node];
  const { sizeZyx } = map;
  const voxels = sizeZyx.reduce((a, b) => a * b, 1);
  const kernel = integersOf(node, "kernel_shape");
  const isSameSize = sizeZyx.every((size, i) => size === input.sizeZyx[i]);
  // Along x the places that belong together do not lie side by side.
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
