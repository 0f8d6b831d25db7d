import type { FeatureMap } from "./feature-maps.js";
import type { OnnxNode } from "./onnx-graph.js";
import { NodeChain } from "./onnx-nodes.js";

/** Numbers of channels that are a multiple of this are fast. With 16, convolutions would lose more than normalization gains. */
const together = 8;

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
 * networks of nnU-Net v1 have 30. Networks with operators that would not keep the zeros stay as they are.
 */
export function padChannels(nodes: readonly OnnxNode[], options: PadOptions): readonly OnnxNode[] {
  const { maps, input, output } = options;
  const isKnown = ({ operator }: OnnxNode) =>
    keepsZeros.has(operator) || prepares.has(operator) || widens.has(operator);
  if (!nodes.every(isKnown)) return nodes;
  const unchanged = new Set([input, ...leadingTo(output, nodes)]);
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
  return nodes.flatMap((node) => {
    if (!widens.has(node.operator)) return [node];
    const [x, weight, ...others] = node.inputs as [string, string, ...string[]];
    const chain = new NodeChain(node.name);
    const [from, to] = [missing(x), missing(node.outputs[0]!)];
    const kept = maps.get(x)!.sizeZyx.map(() => 0);
    const added = {
      Conv: [to, from, ...kept],
      ConvTranspose: [from, to, ...kept],
      InstanceNormalization: [to],
    }[node.operator]!;
    const inputs = [x, pad(weight, added, chain), ...others.map((name) => pad(name, [to], chain))];
    return [...chain.nodes, { ...node, inputs }];
  });
}

/** Returns the output, and the values that reach it with the same channels. */
function leadingTo(output: string, nodes: readonly OnnxNode[]): ReadonlySet<string> {
  const names = new Set([output]);
  for (const { operator, inputs, outputs } of nodes.toReversed())
    if (names.has(outputs[0]!) && keepsZeros.has(operator)) for (const name of inputs) names.add(name);
  return names;
}
