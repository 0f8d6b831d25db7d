import { type OnnxNode, onnxElementTypes } from "./onnx-graph.js";
import { NodeChain } from "./onnx-nodes.js";

/** The names of a layer's input and output. */
interface NormSite {
  readonly input: string;
  readonly output: string;
}

export interface GroupNormSite extends NormSite {
  readonly spatialAxes: number;
  readonly channels: number;
  readonly groups: number;
  readonly epsilon: number;
  /** Names of weights with one value per group: all 1, and all 0. */
  readonly one: string;
  readonly zero: string;
  /** Shape `channels × 1 × 1 …`; null if the layer learns no scale. */
  readonly scale: string | null;
  readonly shift: string | null;
}

/**
 * Builds a group normalisation as an instance normalisation of groups: the channels of a group become one
 * channel with a longer first spatial axis, so the shape need not be known.
 */
export function groupNormNodes(site: GroupNormSite): readonly OnnxNode[] {
  const { input, output, spatialAxes, channels, groups, epsilon, one, zero, scale, shift } = site;
  const chain = new NodeChain(output);
  const kept = Array.from({ length: spatialAxes - 1 }, () => 0);
  const grouped = chain.reshape("grouped", input, [0, groups, -1, ...kept]);
  const normalized = chain.add("normalized", "InstanceNormalization", [grouped, one, zero], {
    epsilon: { float: epsilon },
  });
  const shape = chain.integers("parted_shape", [0, channels, -1, ...kept]);
  if (scale === null || shift === null) {
    chain.addTo(output, "Reshape", [normalized, shape]);
    return chain.nodes;
  }
  const parted = chain.add("parted", "Reshape", [normalized, shape]);
  chain.addTo(output, "Add", [chain.add("scaled", "Mul", [parted, scale]), shift]);
  return chain.nodes;
}

export interface ResponseNormSite extends NormSite {
  readonly epsilon: number;
  /** Shape `1 × channels × 1 × 1 …`. */
  readonly scale: string;
  readonly shift: string;
  readonly threshold: string;
}

/**
 * Builds a filter response normalisation with its thresholded linear unit: `max(x / sqrt(mean(x²) + ε) ·
 * scale + shift, threshold)`. The squares are float32 even in a float16 network, because values of 256 and
 * above would overflow.
 *
 * Source: Singh and Krishnan, "Filter Response Normalization Layer", 2020; FRN3D of nnU-Net v1.
 */
export function responseNormNodes(site: ResponseNormSite): readonly OnnxNode[] {
  const { input, output, epsilon, scale, shift, threshold } = site;
  const chain = new NodeChain(output);
  const float32 = { to: { integer: onnxElementTypes.float32 } };
  const x = chain.add("float32", "Cast", [input], float32);
  const mean = chain.add("mean", "GlobalAveragePool", [chain.add("squares", "Mul", [x, x])]);
  const root = chain.add("root", "Sqrt", [chain.add("sum", "Add", [mean, chain.float("epsilon", epsilon)])]);
  const normalized = chain.add("normalized", "CastLike", [chain.add("divided", "Div", [x, root]), input]);
  const scaled = chain.add("shifted", "Add", [chain.add("scaled", "Mul", [normalized, scale]), shift]);
  chain.addTo(output, "Max", [scaled, threshold]);
  return chain.nodes;
}
