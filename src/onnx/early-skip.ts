import type { OnnxNode } from "./onnx-graph.js";
import { NodeChain } from "./onnx-nodes.js";

export interface EarlySkip {
  /** The output of a convolution of the largest skip. */
  readonly convolved: string;
  /** The transposed convolution of the deepest decoder stage. */
  readonly deepest: OnnxNode;
  readonly dimensions: number;
}

/**
 * Lets OpenVINO convolve the largest skip before the decoder, so that the skip itself is freed when the upsampled features
 * of its size come: two feature maps of the full size are in memory instead of three. OpenVINO orders operations by their
 * inputs only, so that zero times one value of the convolved skip is added to the smallest features.
 */
export function convolveSkipEarly(
  nodes: readonly OnnxNode[],
  { convolved, deepest, dimensions }: EarlySkip,
): readonly OnnxNode[] {
  const chain = new NodeChain(`${convolved}/early`);
  const axes = Array.from({ length: dimensions + 1 }, (_, i) => i + 1);
  const bounds = [
    chain.integers(
      "from",
      axes.map(() => 0),
    ),
    chain.integers(
      "to",
      axes.map(() => 1),
    ),
    chain.integers("axes", axes),
  ];
  const one = chain.add("one", "Slice", [convolved, ...bounds]);
  const zero = chain.add("zero", "Mul", [one, chain.float("factor", 0)]);
  const [features, ...weights] = deepest.inputs;
  const tied = chain.add("features", "Add", [features!, zero]);
  const changed = nodes.map((node) =>
    node.name === deepest.name ? { ...node, inputs: [tied, ...weights] } : node,
  );
  return inOrder([...changed, ...chain.nodes]);
}

/** Moves each node behind those whose outputs it reads. */
function inOrder(nodes: readonly OnnxNode[]): readonly OnnxNode[] {
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const ordered = new Set<OnnxNode>();
  const visit = (node: OnnxNode): void => {
    if (ordered.has(node)) return;
    for (const input of node.inputs) {
      const maker = makers.get(input);
      if (maker !== undefined) visit(maker);
    }
    ordered.add(node);
  };
  nodes.forEach(visit);
  return [...ordered];
}
