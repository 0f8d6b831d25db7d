import { type OnnxVersion, ownVersion } from "./encode-model.js";
import type { OnnxBody, OnnxGraph } from "./onnx-graph.js";

/** ONNX 1.12, for runtimes of other makers. The only newer operator in the networks is Gelu. */
const oldVersion: OnnxVersion = { irVersion: 8, opset: 17 };

/** Returns the network as nnU-Net defines it, without rewriting anything for a certain runtime. */
export const plainGraph = (network: OnnxGraph): OnnxBody => ({
  name: network.name,
  nodes: network.nodes,
  inputs: [network.input],
  outputs: [network.output],
});

/** Returns the oldest version that contains the operators of a plain graph, so that many runtimes load it. */
export const plainVersion = ({ nodes }: OnnxBody): OnnxVersion =>
  nodes.some(({ operator }) => operator === "Gelu") ? ownVersion : oldVersion;
