import type { FeatureMap } from "./feature-maps.js";
import type { OnnxNode } from "./onnx-graph.js";
import { integersOf, NodeChain } from "./onnx-nodes.js";

/** Numbers of channels that are a multiple of this are fast. With 16, convolutions would lose more than normalization gains. */
const together = 8;

/** The share of additional channels from which on they are taken away again before a convolution. */
const worthNarrowing = 0.15;

/** The operators that leave channels of zeros as they are. */
const keepsZeros: ReadonlySet<string> = new Set(["LeakyRelu", "Relu", "Add", "AveragePool"]);
const prepares: ReadonlySet<string> = new Set(["Split", "Constant"]);
const widens: ReadonlySet<string> = new Set(["Conv", "ConvTranspose", "InstanceNormalization"]);

export interface PadOptions {
  /** The channels of every value between two nodes. */
  readonly maps: ReadonlyMap<string, FeatureMap>;
  readonly input: string;
  readonly output: string;
}

/**
 * Adds channels of zeros to all feature maps, so that their number is a multiple of 8. OpenVINO normalizes the last
 * channels one by one if they do not fill a vector: with 10 channels, normalization takes two fifths of the time. The
 * networks of nnU-Net v1 have 30. Convolutions would multiply the zeros, so that many of them are taken away before.
 * Networks with operators that would not keep the zeros stay as they are.
 */
export function padChannels(nodes: readonly OnnxNode[], options: PadOptions): readonly OnnxNode[] {
  const { maps, input, output } = options;
  const isKnown = ({ operator }: OnnxNode) =>
    keepsZeros.has(operator) || prepares.has(operator) || widens.has(operator);
  if (!nodes.every(isKnown)) return nodes;
  const unchanged = new Set([input, ...leadingTo(output, nodes), ...onlyConvolved(nodes)]);
  /** The number of channels to add to a value. */
  const missing = (name: string): number => {
    if (unchanged.has(name)) return 0;
    const { channels } = maps.get(name)!;
    return Math.ceil(channels / together) * together - channels;
  };
  const isConsistent = ({ operator, inputs, outputs }: OnnxNode) =>
    !keepsZeros.has(operator) || inputs.every((name) => missing(name) === missing(outputs[0]!));
  if (!nodes.every(isConsistent)) return nodes;
  const padded = new Map<string, string>();
  const pad = (name: string, added: readonly number[], chain: NodeChain): string => {
    if (added.every((count) => count === 0)) return name;
    const known = padded.get(name);
    if (known !== undefined) return known;
    const suffix = `wide_${chain.nodes.length}`;
    const pads = chain.integers(`${suffix}_pads`, [...added.map(() => 0), ...added]);
    const wide = chain.add(suffix, "Pad", [name, pads]);
    padded.set(name, wide);
    return wide;
  };
  const narrowed = new Map<string, string>();
  /** Takes the channels of zeros away before a convolution, if they would cost it more than a copy of the map does. */
  const narrow = (name: string, node: OnnxNode, chain: NodeChain): string => {
    const known = narrowed.get(name);
    if (known !== undefined) return known;
    const { channels } = maps.get(name)!;
    if (missing(name) < worthNarrowing * channels || !readsOften(node)) return name;
    const bounds = [
      chain.integers("narrow_from", [0]),
      chain.integers("narrow_to", [channels]),
      chain.integers("narrow_axis", [1]),
    ];
    const narrower = chain.add("narrow", "Slice", [name, ...bounds]);
    narrowed.set(name, narrower);
    return narrower;
  };
  return nodes.flatMap((node) => {
    if (!widens.has(node.operator)) return [node];
    const [given, weight, ...others] = node.inputs as [string, string, ...string[]];
    const chain = new NodeChain(node.name);
    const x = node.operator === "InstanceNormalization" ? given : narrow(given, node, chain);
    const [from, to] = [x === given ? missing(x) : 0, missing(node.outputs[0]!)];
    const kept = maps.get(given)!.sizeZyx.map(() => 0);
    const added = {
      Conv: [to, from, ...kept],
      ConvTranspose: [from, to, ...kept],
      InstanceNormalization: [to],
    }[node.operator]!;
    const inputs = [x, pad(weight, added, chain), ...others.map((name) => pad(name, [to], chain))];
    return [...chain.nodes, { ...node, inputs }];
  });
}

/** Returns whether a node reads each value many times. */
const readsOften = (node: OnnxNode): boolean =>
  node.operator === "Conv" && integersOf(node, "kernel_shape").reduce((a, b) => a * b, 1) >= 9;

/** Returns the values that only convolutions read, and that are not normalized: they need no channels of zeros. */
function onlyConvolved(nodes: readonly OnnxNode[]): readonly string[] {
  const upsampled = nodes.flatMap(({ operator, outputs }) => (operator === "ConvTranspose" ? outputs : []));
  return upsampled.filter((name) =>
    nodes.every(({ operator, inputs }) => operator === "Conv" || !inputs.includes(name)),
  );
}

/** Returns the output, and the values that reach it with the same channels. */
function leadingTo(output: string, nodes: readonly OnnxNode[]): ReadonlySet<string> {
  const names = new Set([output]);
  for (const { operator, inputs, outputs } of nodes.toReversed())
    if (names.has(outputs[0]!) && keepsZeros.has(operator)) for (const name of inputs) names.add(name);
  return names;
}
