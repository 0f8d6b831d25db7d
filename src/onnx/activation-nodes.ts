import type { ActivationPlan } from "../checkpoint/network/network-plan.js";
import type { OnnxNode } from "./onnx-graph.js";
import { NodeChain, node } from "./onnx-nodes.js";

/** Builds an activation from ONNX operators that support both float16 and float32. */
export function activationNodes(plan: ActivationPlan, input: string, output: string): readonly OnnxNode[] {
  switch (plan.kind) {
    case "relu":
      return [node("Relu", [input], [output])];
    case "leakyRelu":
      return [node("LeakyRelu", [input], [output], { alpha: { float: plan.slope } })];
    case "elu":
      return [node("Elu", [input], [output], { alpha: { float: plan.alpha } })];
    case "selu":
      return [node("Selu", [input], [output])];
    case "tanh":
      return [node("Tanh", [input], [output])];
    case "sigmoid":
      return [node("Sigmoid", [input], [output])];
    case "softplus":
      return [node("Softplus", [input], [output])];
    case "gelu":
      return [node("Gelu", [input], [output], { approximate: { text: plan.approximation } })];
    case "silu":
      return timesInput(input, output, (chain) => chain.add("sigmoid", "Sigmoid", [input]));
    case "mish":
      return timesInput(input, output, (chain) =>
        chain.add("tanh", "Tanh", [chain.add("softplus", "Softplus", [input])]),
      );
  }
}

function timesInput(input: string, output: string, gate: (chain: NodeChain) => string): readonly OnnxNode[] {
  const chain = new NodeChain(output);
  chain.addTo(output, "Mul", [input, gate(chain)]);
  return chain.nodes;
}
